"""demo_guard.py: tokens, and requests that another site made a browser send."""

import pytest


@pytest.fixture(scope="module")
def demo_guard(import_payload):
    return import_payload("demo_guard")


TOKEN = "a-token-of-the-house"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1"])
def test_loopback_needs_no_token_unless_one_is_configured(demo_guard, host):
    guard = demo_guard.make_guard(host, None)
    assert guard.local and guard.token == "" and guard.accepts_token("") and guard.accepts_token("anything")
    guard = demo_guard.make_guard(host, TOKEN)
    assert guard.local and guard.accepts_token(TOKEN) and not guard.accepts_token("")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "raspberrypi.local", "localhost.example"])
def test_every_other_address_gets_a_new_token(demo_guard, host):
    first, second = demo_guard.make_guard(host, None), demo_guard.make_guard(host, None)
    assert not first.local and len(first.token) >= 32 and first.token != second.token
    assert first.accepts_token(first.token)
    for wrong in ("", first.token[:-1], first.token + "x", second.token, "\udcff", "ä"):
        assert not first.accepts_token(wrong)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "with a space in the middle", "ümlauts-in-the-token"])
def test_short_or_unusable_token_is_refused(demo_guard, token):
    with pytest.raises(ValueError, match="16 or more"):
        demo_guard.make_guard("0.0.0.0", token)


def test_token_is_compared_in_constant_time(demo_guard, monkeypatch):
    pairs = []
    monkeypatch.setattr(demo_guard.hmac, "compare_digest", lambda *pair: pairs.append(pair) or False)
    assert not demo_guard.make_guard("0.0.0.0", TOKEN).accepts_token("guess")
    assert pairs == [(b"guess", TOKEN.encode())]


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost", "127.0.0.1:9999"])
def test_request_to_a_loopback_name_is_accepted(demo_guard, host):
    guard = demo_guard.make_guard("127.0.0.1", None)
    assert guard.explain_refusal(host, None) == "" and guard.explain_refusal(host, f"http://{host}") == ""


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]:1"]
)
def test_request_to_another_name_is_refused_as_dns_rebinding(demo_guard, host):
    assert "127.0.0.1 or localhost" in demo_guard.make_guard("127.0.0.1", None).explain_refusal(host, None)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://evil.example:8000", "http://localhost:9999", "null", "", "file://"]
)
def test_request_of_a_page_of_another_origin_is_refused(demo_guard, origin):
    for host in ("127.0.0.1", "0.0.0.0"):
        assert "has no access" in demo_guard.make_guard(host, None).explain_refusal("localhost:8000", origin)


def test_any_host_name_is_accepted_where_a_token_is_required(demo_guard):
    guard = demo_guard.make_guard("0.0.0.0", None)
    assert guard.explain_refusal("raspberrypi.local:8000", "http://raspberrypi.local:8000") == ""
    assert guard.explain_refusal("[2001:db8::1]:8000", "https://[2001:db8::1]:8000") == ""


HOSTS_THAT_NO_BROWSER_SENDS = [
    *(
        "[::1].evil.com",
        "[::1]@evil.com",
        "[::1]evil.com:80",
        "evil.com[::1]",
        "[::1",
        "::1",
        "[]",
        "[::1]]",
        "[[::1]]",
    ),
    *(
        "localhost.",
        "127.0.0.1.",
        "127.0.0.1.:8000",
        ".localhost",
        "LOCALHOST",
        "Localhost:8000",
        "localhos%74",
        "%6cocalhost",
    ),
    *(
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:8000x",
        "localhost:+80",
        "localhost:80:80",
        "localhost:\uff18\uff10",
    ),
    *(
        "user@localhost",
        "localhost/",
        "localhost\\evil.com",
        "localhost evil.com",
        " localhost",
        "localhost\t",
        "localhost,evil.com",
    ),
    *(
        "127.1",
        "127.0.0.01",
        "0x7f000001",
        "2130706433",
        "\uff4cocalhost",
        "localhost\udcff",
        "[::1%25lo]",
        "[fe80::1%lo]",
        "http://[",
    ),
    *("a" * 300, "localhost#", "localhost?x", "http://localhost", "-", "[:::]", "[127.0.0.1]"),
]


@pytest.mark.parametrize("host", HOSTS_THAT_NO_BROWSER_SENDS)
def test_host_that_no_browser_sends_is_refused(demo_guard, host):
    guard = demo_guard.make_guard("127.0.0.1", None)
    for origin in (None, f"http://{host}", f"https://{host}"):
        assert "127.0.0.1 or localhost" in guard.explain_refusal(host, origin)
    # As an origin it differs from every host that is accepted.
    assert "has no access" in guard.explain_refusal("localhost:8000", f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "http://[",
            "http://",
            "http:///",
            "//localhost:8000",
            "localhost:8000",
            "http://localhost:8000/",
            "HTTP://localhost:8000",
        ),
        *("http://localhost:8000.", "http://LOCALHOST:8000", "http://localhost:08000", "http://localhos%74:8000"),
        *(
            "http://user@localhost:8000",
            "http://localhost:8000@evil.com",
            "http://localhost:8000.evil.com",
            "ws://localhost:8000",
        ),
        *(
            "http://localhost",
            "http://localhost:8000 ",
            " http://localhost:8000",
            "http://localhost:8000, http://evil.com",
        ),
    ],
)
def test_origin_must_be_that_of_the_page(demo_guard, origin):
    assert "has no access" in demo_guard.make_guard("127.0.0.1", None).explain_refusal("localhost:8000", origin)


@pytest.mark.parametrize(
    "host", ["", "[", "[::1].evil.com", "raspberrypi.local.", "RaspberryPi.local", "pi local", "pi:99999"]
)
def test_host_must_be_one_where_a_token_is_required_too(demo_guard, host):
    assert "not the name of a host" in demo_guard.make_guard("0.0.0.0", None).explain_refusal(host, None)
