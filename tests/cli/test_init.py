"""The entry point: it ends the process with the exit code of the command line."""

import signal
import subprocess
import sys

import pytest

from edgetl import cli
from edgetl.core.interrupt import Interrupted, check_interrupt


@pytest.mark.parametrize("code", [0, 2])
def test_main_exits_with_the_code_of_the_command_line(monkeypatch, code):
    monkeypatch.setattr(cli, "run", lambda arguments: code if arguments == ["bases"] else 9)
    monkeypatch.setattr(sys, "argv", ["edgetl", "bases"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == code
    # `main` leaves the default action, for the shutdown of the program.
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    with pytest.raises(SystemExit):
        cli.main()
    signal.signal(signal.SIGINT, signal.default_int_handler)
