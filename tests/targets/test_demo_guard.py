"""demo_guard.py: tokens, and requests that another site made a browser send."""

import pytest


@pytest.fixture(scope="module")
def guards(demo):
    return demo("demo_guard")


TOKEN = "a-token-of-the-house"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1"])
def test_on_loopback_no_token_is_needed_unless_one_is_given(guards, host):
    guard = guards.made(host, None)
    assert guard.local and guard.token == "" and guard.knows("") and guard.knows("anything")
    guard = guards.made(host, TOKEN)
    assert guard.local and guard.knows(TOKEN) and not guard.knows("")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "raspberrypi.local", "localhost.example"])
def test_everywhere_else_a_new_token_is_made(guards, host):
    first, second = guards.made(host, None), guards.made(host, None)
    assert not first.local and len(first.token) >= 32 and first.token != second.token
    assert first.knows(first.token)
    for wrong in ("", first.token[:-1], first.token + "x", second.token, "\udcff", "ä"):
        assert not first.knows(wrong)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "with a space in the middle", "ümlauts-in-the-token"])
def test_a_token_that_is_none_is_refused(guards, token):
    with pytest.raises(ValueError, match="16 or more"):
        guards.made("0.0.0.0", token)


def test_the_token_is_compared_in_constant_time(guards, monkeypatch):
    asked = []
    monkeypatch.setattr(guards.hmac, "compare_digest", lambda *pair: asked.append(pair) or False)
    assert not guards.made("0.0.0.0", TOKEN).knows("guess")
    assert asked == [(b"guess", TOKEN.encode())]


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost", "127.0.0.1:9999"])
def test_local_names_are_local(guards, host):
    guard = guards.made("127.0.0.1", None)
    assert guard.refusal(host, None) == "" and guard.refusal(host, f"http://{host}") == ""


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]:1"]
)
def test_a_name_that_was_made_to_point_here_is_refused(guards, host):
    assert "127.0.0.1 or localhost" in guards.made("127.0.0.1", None).refusal(host, None)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://evil.example:8000", "http://localhost:9999", "null", "", "file://"]
)
def test_a_page_of_another_origin_is_refused(guards, origin):
    for host in ("127.0.0.1", "0.0.0.0"):
        assert "may not look in here" in guards.made(host, None).refusal("localhost:8000", origin)


def test_the_boards_name_in_the_network_is_no_rebinding_where_a_token_is_asked_for(guards):
    guard = guards.made("0.0.0.0", None)
    assert guard.refusal("raspberrypi.local:8000", "http://raspberrypi.local:8000") == ""
    assert guard.refusal("RaspberryPi.local:8000", "http://raspberrypi.local:8000") == ""
