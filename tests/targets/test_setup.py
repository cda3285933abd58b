"""setup.sh with a Python that makes no real environment: what it runs, and what remains after an interruption."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files


def format_closing_line(folder: Path) -> str:
    return bundle_files.format_closing_line((folder / "SHA256SUMS").read_bytes())


class Board:
    """A bundle, and a python3 whose venv and pip are replaced by shell commands and recorded in a log."""

    def __init__(self, root: Path, bundle: Path, python: Path) -> None:
        self.folder = Path(shutil.copytree(bundle, root / "the bundle"))
        self.log = root / "log"
        self.python = root / "python3"
        self.pip_commands = "exit 0"
        self.venv_commands = ""
        # The self-check has tests of its own; "" runs it.
        self.selfcheck_commands = f"echo '{format_closing_line(self.folder)}'; exit 0"
        self._real_python = python

    def command(self) -> list[str]:
        inner = self.python.with_name("venv-python")
        # The python of .venv: pip is recorded, everything else runs with the real Python.
        inner.write_text(
            f'#!/bin/sh\nif [ "$1 $2 $3" = "-I -m pip" ]; then echo "$*" >>"{self.log}"; {self.pip_commands}; fi\n'
            f'if [ "$2" = "{self.folder}/selfcheck.py" ]; then :; {self.selfcheck_commands}\nfi\n'
            f'exec "{self._real_python}" "$@"\n'
        )
        self.python.write_text(
            f'#!/bin/sh\nif [ "$1 $2 $3" = "-I -m venv" ]; then {self.venv_commands}\necho "$*" >>"{self.log}"\n'
            f'mkdir -p "$4/bin"; cp "{inner}" "$4/bin/python"; exit 0; fi\nexec "{self._real_python}" "$@"\n'
        )
        for program in (inner, self.python):
            program.chmod(0o755)
        return ["sh", str(self.folder / "setup.sh")]

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHON": str(self.python), "PYTHONDONTWRITEBYTECODE": "1"}

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command(), *arguments], capture_output=True, text=True, cwd="/", env=self.environment(), check=False
        )

    def list_calls(self) -> list[str]:
        """The recorded calls of venv and pip."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def board(tmp_path, bundles, device) -> Board:
    return Board(tmp_path, bundles["int8"], device.python)


def test_setup_makes_an_environment_installs_packages_and_runs_the_self_check(board):
    board.selfcheck_commands = ""
    completed = board.set_up()
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert completed.stdout.endswith(f"\n{format_closing_line(board.folder)}\n")
    venv, pip = board.list_calls()
    assert venv == f"-I -m venv {board.folder}/.venv"
    assert pip.startswith("-I -m pip install") and "--only-binary :all:" in pip
    assert pip.endswith(f"--requirement {board.folder}/requirements.txt")


def test_complete_environment_is_kept_and_one_for_other_requirements_is_made_again(board):
    board.set_up()
    assert board.set_up().returncode == 0 and len(board.list_calls()) == 2
    stamp = board.folder / ".venv" / "set-up"
    stamp.write_text("for other requirements")
    assert board.set_up().returncode == 0 and len(board.list_calls()) == 4


def test_failed_installation_is_removed_and_can_be_repeated(board):
    board.pip_commands = "echo 'No space left on device' >&2; exit 1"
    completed = board.set_up()
    assert completed.returncode == 2 and "No space left on device" in completed.stderr
    assert ".venv was removed, run sh setup.sh again" in completed.stderr
    assert not (board.folder / ".venv").exists()
    board.pip_commands = "exit 0"
    assert board.set_up().returncode == 0


def test_interrupted_installation_is_removed(board):
    board.pip_commands = "exec sleep 30"
    command = board.command()
    with subprocess.Popen(command, env=board.environment(), start_new_session=True) as child:
        deadline = time.monotonic() + 60
        while len(board.list_calls()) < 2:
            assert time.monotonic() < deadline, "pip was not started"
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGINT)
    assert child.returncode == 130
    assert not (board.folder / ".venv").exists()


def test_environment_without_a_stamp_is_made_again(board):
    """A power cut leaves an unfinished environment."""
    (board.folder / ".venv" / "bin").mkdir(parents=True)
    (board.folder / ".venv" / "leftover").write_text("half")
    assert board.set_up().returncode == 0
    assert not (board.folder / ".venv" / "leftover").exists()


def test_missing_venv_module_is_reported_with_its_package(board):
    board.venv_commands = "exit 1"
    completed = board.set_up()
    assert completed.returncode == 2 and "sudo apt install python3-venv" in completed.stderr
    assert not (board.folder / ".venv").exists()


def test_missing_python_is_reported(board):
    command = board.command()
    environment = {**board.environment(), "PYTHON": "no-such-python3"}
    completed = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert completed.returncode == 2 and completed.stderr.startswith("no-such-python3 is not installed")


def test_unsupported_python_is_reported_before_anything_is_made(board):
    facts = json.loads((board.folder / "model.json").read_text(encoding="utf-8"))
    facts["runtime"]["python"] = ">=3.20"
    (board.folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    completed = board.set_up()
    assert completed.returncode == 2 and "There is no runtime for Python" in completed.stderr
    assert board.list_calls() == [] and not (board.folder / ".venv").exists()


def test_changed_bundle_fails_the_self_check(board):
    board.selfcheck_commands = ""
    (board.folder / "labels.txt").write_text("other\n")
    completed = board.set_up()
    assert completed.returncode == 1 and "labels.txt: changed" in completed.stdout


@pytest.fixture
def demo_board(tmp_path, demo_bundle, device) -> Board:
    return Board(tmp_path, demo_bundle, device.python)


def test_demo_environment_has_the_packages_of_the_system_and_of_both_lists(demo_board):
    completed = demo_board.set_up("--demo")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    venv, pip = demo_board.list_calls()
    folder = demo_board.folder
    assert venv == f"-I -m venv {folder}/.venv --system-site-packages"
    assert pip.endswith(f"--requirement {folder}/requirements.txt --requirement {folder}/requirements-demo.txt")


def test_demo_is_kept_by_later_calls_without_the_option(demo_board):
    assert demo_board.set_up().returncode == 0
    venv, pip = demo_board.list_calls()
    assert "--system-site-packages" not in venv and "requirements-demo" not in pip
    assert demo_board.set_up("--demo").returncode == 0 and len(demo_board.list_calls()) == 4
    assert demo_board.set_up("--demo").returncode == 0 and demo_board.set_up().returncode == 0
    assert len(demo_board.list_calls()) == 4


def test_demo_is_kept_where_the_environment_is_made_again(demo_board):
    assert demo_board.set_up("--demo").returncode == 0
    stamp = demo_board.folder / ".venv" / "set-up"
    before = stamp.read_text()
    # Another version of Python, and a .venv whose Python is gone.
    stamp.write_text(before.replace("Python", "Python 3.0 and not"))
    assert demo_board.set_up().returncode == 0 and stamp.read_text() == before
    (demo_board.folder / ".venv" / "bin" / "python").write_text("gone")
    assert demo_board.set_up().returncode == 0 and stamp.read_text() == before
    calls = demo_board.list_calls()
    for venv, pip in (calls[2:4], calls[4:6]):
        assert "--system-site-packages" in venv and "requirements-demo" in pip


def test_demo_option_is_refused_in_a_bundle_without_the_demo(board):
    completed = board.set_up("--demo")
    assert completed.returncode == 2 and "this bundle has no demo" in completed.stderr and board.list_calls() == []


@pytest.mark.parametrize("arguments", [["demo"], ["--demo", "--demo"], ["--help"], [""]])
def test_wrong_arguments_are_refused(demo_board, arguments):
    completed = demo_board.set_up(*arguments)
    assert completed.returncode == 2 and completed.stderr == "usage: sh setup.sh [--demo | --check]\n"
    assert demo_board.list_calls() == []
