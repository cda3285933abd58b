"""ssh.py: scripts run on a device, and errors say whether the connection or the script failed.

`ssh` is a replacement whose devices are folders: see tests/fixtures/devices.py.
"""

import threading

import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.engines.ssh import Device, Script, connect
from tests.fixtures.signals import interrupt_later


def make_device(name: str, *, interactive: bool = True) -> Device:
    return Device(name=name, interactive=interactive, stop=threading.Event())


CHECK = Script(action="checking", text="true")


@pytest.mark.parametrize("name", ["-oProxyCommand=touch x", "", "a b", "a;b", "a$b", "a\nb", "`a`"])
def test_a_name_that_is_an_option_or_shell_code_is_rejected(name):
    with pytest.raises(ConfigError, match="is not a device name for ssh"):
        make_device(name)


def test_the_name_decides_the_fingerprint_of_a_stage():
    assert make_device("pi@board").key() == "pi@board"


def test_a_connection_runs_scripts_one_after_the_other(fleet):
    home = fleet.add("pi@board")
    messages: list[str] = []
    with connect(make_device("pi@board"), messages.append) as connection:
        assert connection.run(Script(action="asking", text='echo "$HOME"')).stdout.decode().strip() == str(home)
        sent = connection.run(Script(action="copying", text="cat"), lambda stream: stream.write(b"x" * 300_000))
        assert sent.stdout == b"x" * 300_000 and (sent.exit_code, sent.last_line) == (0, "no error message")
        text = "echo • busy >&2; echo more >&2; exit 3"
        completed = connection.run(Script(action="measuring", text=text, ok_codes=(3,)))
        assert (completed.exit_code, completed.stdout, completed.last_line) == (3, b"", "more")
    assert messages == ["busy"]
    assert "-O exit" in fleet.log[-1], "the connection is closed"


def test_a_script_that_fails_before_it_reads_its_input_is_reported_by_its_last_line(fleet):
    fleet.add("board")
    script = Script(action="copying", text="echo no room >&2; exit 1")
    with (
        connect(make_device("board"), print) as connection,
        pytest.raises(StageError, match="board: copying failed: no room"),
    ):
        connection.run(script, lambda stream: stream.write(b"x" * 3_000_000))


def test_a_device_without_a_connection_is_an_error_with_the_command_to_try(fleet):
    with connect(make_device("dead"), print) as connection, pytest.raises(ConfigError) as caught:
        connection.run(CHECK)
    assert caught.value.message == "dead: no connection: ssh: connect to host dead port 22: Connection refused"
    assert caught.value.hint == "try it yourself: ssh dead"
    assert not any("-O exit" in line for line in fleet.log), "there is nothing to close"


def test_a_lost_connection_is_reported_with_the_action(fleet):
    (fleet.add("board") / "drop-at").write_text("2")
    with connect(make_device("board"), print) as connection:
        connection.run(CHECK)
        with pytest.raises(StageError, match="board: the connection was lost while measuring") as caught:
            connection.run(Script(action="measuring", text="true"))
    assert caught.value.hint == "run it again"


def test_the_ssh_configuration_of_the_user_decides_on_host_keys_and_passwords(fleet):
    fleet.add("board")
    with connect(make_device("board"), print) as connection:
        connection.run(CHECK)
    for line in fleet.log:
        assert "StrictHostKeyChecking" not in line and "UserKnownHostsFile" not in line and "BatchMode" not in line


def test_a_device_that_is_not_interactive_cannot_ask_for_a_password(fleet):
    fleet.add("board")
    with connect(make_device("board", interactive=False), print) as connection:
        connection.run(CHECK)
    assert all("-o BatchMode=yes" in line for line in fleet.log)


def test_a_running_script_is_interrupted_when_stop_is_set(fleet):
    fleet.add("board")
    device = make_device("board")
    # It would run for a minute.
    script = Script(action="sleeping", text="echo • started >&2; timeout 60 cat >/dev/null", keep_stdin_open=True)

    def stop(message: str) -> None:
        assert message == "started"
        device.stop.set()

    with connect(device, stop) as connection, pytest.raises(StageError, match="board: interrupted while sleeping"):
        connection.run(script)


def test_a_running_script_is_interrupted_by_a_signal(fleet):
    fleet.add("board")
    script = Script(action="sleeping", text="timeout 60 cat >/dev/null", keep_stdin_open=True)
    with watch_signals(), connect(make_device("board"), print) as connection, pytest.raises(Interrupted):
        interrupt_later()
        connection.run(script)
