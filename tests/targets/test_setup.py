"""setup.sh with a Python that makes no real environment: what it does, and what stays where it breaks off."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest


class Board:
    """A bundle, and a python3 whose venv and pip do as told and write down what they were asked."""

    def __init__(self, root: Path, bundle: Path, python: Path) -> None:
        self.folder = Path(shutil.copytree(bundle, root / "the bundle"))
        self.log = root / "log"
        self.python = root / "python3"
        self.pip_does = "exit 0"
        self.venv_does = ""
        self._real = python

    def command(self) -> list[str]:
        inner = self.python.with_name("venv-python")
        # What stands in .venv/bin: pip is written down, everything else runs on the real one.
        inner.write_text(
            f"#!/bin/sh\n"
            f'if [ "$1 $2" = "-m pip" ]; then echo "$*" >>"{self.log}"; {self.pip_does}; fi\nexec "{self._real}" "$@"\n'
        )
        self.python.write_text(
            f'#!/bin/sh\nif [ "$1 $2" = "-m venv" ]; then {self.venv_does}\necho "$*" >>"{self.log}"\n'
            f'mkdir -p "$3/bin"; cp "{inner}" "$3/bin/python"; exit 0; fi\nexec "{self._real}" "$@"\n'
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

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def board(tmp_path, built, device) -> Board:
    return Board(tmp_path, built["int8"], device.python)


def test_it_makes_an_environment_installs_and_proves(board):
    done = board.set_up()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("This device gives what the build gave.\n")
    made, installed = board.asked()
    assert made == f"-m venv {board.folder}/.venv"
    assert installed.startswith("-m pip install") and "--only-binary :all:" in installed
    assert installed.endswith(f"--requirement {board.folder}/requirements.txt")


def test_what_is_there_is_kept_and_what_changed_is_made_anew(board):
    board.set_up()
    assert board.set_up().returncode == 0 and len(board.asked()) == 2
    stamp = board.folder / ".venv" / "set-up"
    stamp.write_text("for other requirements")
    assert board.set_up().returncode == 0 and len(board.asked()) == 4


def test_a_failed_installation_leaves_nothing_and_can_be_repeated(board):
    board.pip_does = "echo 'No space left on device' >&2; exit 1"
    done = board.set_up()
    assert done.returncode == 2 and "No space left on device" in done.stderr
    assert "nothing is left half-installed" in done.stderr
    assert not (board.folder / ".venv").exists()
    board.pip_does = "exit 0"
    assert board.set_up().returncode == 0


def test_interrupted_it_leaves_nothing(board):
    board.pip_does = "exec sleep 30"
    command = board.command()
    with subprocess.Popen(command, env=board.environment(), start_new_session=True) as child:
        while len(board.asked()) < 2:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGINT)
    assert child.returncode == 130
    assert not (board.folder / ".venv").exists()


def test_what_a_power_cut_left_is_made_anew(board):
    (board.folder / ".venv" / "bin").mkdir(parents=True)
    (board.folder / ".venv" / "leftover").write_text("half")
    assert board.set_up().returncode == 0
    assert not (board.folder / ".venv" / "leftover").exists()


def test_no_venv_module(board):
    board.venv_does = "exit 1"
    done = board.set_up()
    assert done.returncode == 2 and "sudo apt install python3-venv" in done.stderr
    assert not (board.folder / ".venv").exists()


def test_no_python_at_all(board):
    command = board.command()
    environment = {**board.environment(), "PYTHON": "no-such-python3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2 and done.stderr.startswith("no-such-python3 is not installed")


def test_no_runtime_for_this_machine_is_said_before_anything_is_made(board):
    facts = json.loads((board.folder / "model.json").read_text(encoding="utf-8"))
    facts["runtime"]["python"] = ">=3.20"
    (board.folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    done = board.set_up()
    assert done.returncode == 2 and "There is no runtime for Python" in done.stderr
    assert board.asked() == [] and not (board.folder / ".venv").exists()


def test_a_changed_bundle_is_not_proved(board):
    (board.folder / "labels.txt").write_text("other\n")
    done = board.set_up()
    assert done.returncode == 1 and "labels.txt: changed" in done.stdout


@pytest.fixture
def demo_board(tmp_path, demo_bundle, device) -> Board:
    return Board(tmp_path, demo_bundle, device.python)


def test_with_the_demo_it_sees_the_systems_packages_and_installs_both_lists(demo_board):
    done = demo_board.set_up("--demo")
    assert done.returncode == 0, done.stdout + done.stderr
    made, installed = demo_board.asked()
    assert made == f"-m venv {demo_board.folder}/.venv --system-site-packages"
    folder = demo_board.folder
    assert installed.endswith(f"--requirement {folder}/requirements.txt --requirement {folder}/requirements-demo.txt")


def test_the_demo_is_added_once_and_then_kept(demo_board):
    assert demo_board.set_up().returncode == 0
    assert "--system-site-packages" not in demo_board.asked()[0] and "requirements-demo" not in demo_board.asked()[1]
    assert demo_board.set_up("--demo").returncode == 0 and len(demo_board.asked()) == 4
    assert demo_board.set_up("--demo").returncode == 0 and demo_board.set_up().returncode == 0
    assert len(demo_board.asked()) == 4
    stamp = demo_board.folder / ".venv" / "set-up"
    before = stamp.read_text()
    # Another Python, or one that is gone: all is made anew, the demo included.
    stamp.write_text(before.replace("Python", "Python 3.0 and not"))
    assert demo_board.set_up().returncode == 0 and stamp.read_text() == before
    (demo_board.folder / ".venv" / "bin" / "python").write_text("gone")
    assert demo_board.set_up().returncode == 0 and stamp.read_text() == before
    for made, installed in (demo_board.asked()[4:6], demo_board.asked()[6:8]):
        assert "--system-site-packages" in made and "requirements-demo" in installed


def test_a_bundle_without_a_demo_says_so(board):
    done = board.set_up("--demo")
    assert done.returncode == 2 and "this bundle has no demo" in done.stderr and board.asked() == []


@pytest.mark.parametrize("arguments", [["demo"], ["--demo", "--demo"], ["--help"], [""]])
def test_wrong_arguments_are_refused(demo_board, arguments):
    done = demo_board.set_up(*arguments)
    assert done.returncode == 2 and done.stderr == "usage: sh setup.sh [--demo]\n" and demo_board.asked() == []
