"""openssh: scripts on devices behind an ssh of ours: what comes out, and how a line ends. `deploy` tests the rest."""

import threading
import time

import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.ssh import Device, connect


def device(name: str, *, alone: bool = True) -> Device:
    return Device(name=name, alone=alone, stop=threading.Event())


@pytest.mark.parametrize("name", ["-oProxyCommand=touch x", "", "a b", "a;b", "a$b", "a\nb", "`a`"])
def test_a_name_that_is_none(name):
    with pytest.raises(ConfigError, match="no device for ssh"):
        Device(name=name, alone=True, stop=threading.Event())


def test_scripts_run_one_after_the_other(fleet):
    home = fleet.add("pi@board")
    said: list[str] = []
    with connect(device("pi@board"), said.append) as line:
        assert line.run("asking", 'echo "$HOME"').decode().strip() == str(home)
        assert line.run("passing on", "cat", lambda stream: stream.write(b"x" * 300_000)) == b"x" * 300_000
        assert line.run("telling", "echo • busy >&2; echo more >&2; exit 3", fine=(3,)) == b""
        assert (line.ended, line.told(), said) == (3, "more", ["busy"])
    assert "-O exit" in fleet.log[-1]


def test_a_script_that_does_not_read_ends_by_its_own_words(fleet):
    fleet.add("board")
    with connect(device("board"), print) as line, pytest.raises(StageError, match="board: copying failed: no room"):
        line.run("copying", "echo no room >&2; exit 1", lambda stream: stream.write(b"x" * 3_000_000))


def test_no_connection(fleet):
    with connect(device("dead"), print) as line, pytest.raises(ConfigError) as caught:
        line.run("asking", "true")
    assert caught.value.message == "dead: no connection: ssh: connect to host dead port 22: Connection refused"
    assert caught.value.hint == "try it yourself: ssh dead"
    # There is nothing to close.
    assert not any("-O exit" in text for text in fleet.log)


def test_a_connection_that_breaks_off(fleet):
    (fleet.add("board") / "drop-at").write_text("2")
    with connect(device("board"), print) as line:
        line.run("asking", "true")
        with pytest.raises(StageError, match="board: the connection broke off while asking again") as caught:
            line.run("asking again", "true")
    assert caught.value.hint == "run it again"


def test_the_users_ssh_is_left_as_it_is(fleet):
    fleet.add("board")
    with connect(device("board"), print) as line:
        line.run("asking", "true")
    for text in fleet.log:
        assert "StrictHostKeyChecking" not in text and "UserKnownHostsFile" not in text and "BatchMode" not in text


def test_among_others_no_device_asks_for_a_password(fleet):
    fleet.add("board")
    with connect(device("board", alone=False), print) as line:
        line.run("asking", "true")
    assert all("-o BatchMode=yes" in text for text in fleet.log)


def test_told_to_stop_it_stops(fleet):
    fleet.add("board")
    one = device("board")
    start = time.monotonic()
    threading.Timer(0.3, one.stop.set).start()
    with connect(one, print) as line, pytest.raises(StageError, match="board: interrupted while sleeping"):
        line.run("sleeping", "cat >/dev/null", hold=True)
    assert time.monotonic() - start < 10
