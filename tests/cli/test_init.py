"""The entry point: it ends the process with the exit code of the command line."""

import signal
import subprocess
import sys

import pytest

from edgetl import cli
from edgetl.core.interrupt import Interrupted, check_interrupt


@pytest.fixture(autouse=True)
def own_streams(monkeypatch):
    """Restore what `main` changes in this process."""
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, getattr(sys, stream))
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("code", [0, 2])
def test_main_exits_with_the_code_of_the_command_line(monkeypatch, code):
    monkeypatch.setattr(cli, "run", lambda arguments: code if arguments == ["bases"] else 9)
    monkeypatch.setattr(sys, "argv", ["edgetl", "bases"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == code
    # `main` leaves the default action, for the shutdown of the program.
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL


@pytest.mark.parametrize(("number", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
def test_signal_during_the_imports_ends_the_program_with_a_sentence(number, code, word):
    program = f"""
import os, signal, sys
from edgetl import cli
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Finder())
sys.argv = ["edgetl", "bases"]
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert f"{word}: the same command continues" in done.stderr and "Traceback" not in done.stderr


def test_signal_before_the_command_is_the_interrupt_of_the_command(monkeypatch):
    def run(arguments: list[str]) -> int:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            while True:
                check_interrupt()
        return 130

    monkeypatch.setattr(cli, "run", run)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130


# Streams that cannot be written to


API_CALL = """
import sys, edgetl
try:
    edgetl.build("nowhere", out=sys.argv[1])
except edgetl.EdgetlError as error:
    sys.exit(error.exit_code)
"""
COMMANDS = {
    "result": ("edgetl", "bases"),
    "error": ("edgetl", "targets", "raspbery"),
    "api": ("-c", API_CALL),
}
STREAMS = {
    "stdout closed": ">&-",
    "stderr closed": "2>&-",
    "all closed": "<&- >&- 2>&-",
    "stdout full": ">/dev/full",
    "stderr full": "2>/dev/full",
    "all full": ">/dev/full 2>&1",
}


# Every command with all streams, and every stream with one command.
@pytest.mark.parametrize(
    ("command", "streams"),
    [
        pytest.param(
            command,
            redirection,
            id=f"{command}-{name}",
            marks=() if command == "result" or name.startswith("all") else pytest.mark.slow,
        )
        for command in COMMANDS
        for name, redirection in STREAMS.items()
    ],
)
def test_exit_code_does_not_depend_on_the_streams(edgetl, tmp_path, command, streams):
    arguments = [*COMMANDS[command], *([str(tmp_path / "run")] if command == "api" else [])]
    program = [sys.executable, *(["-m"] if command != "api" else []), *arguments]
    shell = ["sh", "-c", f'"$@" {streams}', "sh", *program]
    done = subprocess.run(shell, capture_output=True, text=True, env=edgetl.environment(), cwd=tmp_path, check=False)
    assert done.returncode == (0 if command == "result" else 2), done.stderr
    assert "Traceback" not in done.stdout + done.stderr and "Exception ignored" not in done.stderr


def test_result_that_cannot_be_printed_is_reported(edgetl):
    shell = ["sh", "-c", '"$@" >/dev/full', "sh", *edgetl.command("bases")]
    done = subprocess.run(shell, capture_output=True, text=True, env=edgetl.environment(), check=False)
    assert done.stderr.splitlines() == [
        "error: the result could not be printed: No space left on device",
        "  at stdout",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="PYTHONIOENCODING"),
        pytest.param({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, id="ASCII locale"),
        # Python itself replaces this locale by one of UTF-8.
        pytest.param({"LC_ALL": "C"}, id="C", marks=pytest.mark.slow),
    ],
)
def test_ascii_terminals_get_the_same_exit_code(edgetl, changes):
    for arguments, code in ((["targets", "raspberry-pi-4"], 0), (["targets", "gärten"], 2)):
        done = edgetl(*arguments, **changes)
        assert done.returncode == code and "Traceback" not in done.stderr
    assert "unknown target" in done.stderr
