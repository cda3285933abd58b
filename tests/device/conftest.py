"""Emulated Raspberry Pis that answer ssh, and bundles of the shared, trained model for them.

Where this machine cannot emulate, everything here is skipped with the sentence that says why.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.run import run_folder
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.build import Built, build
from edgetl.pipeline.order import Order
from tools.emulation import sandbox, ssh_board, store
from tools.emulation.boards import BOARDS
from tools.emulation.sandbox import PreparedBoard
from tools.emulation.ssh_board import SshBoard

# Boards are kept in the user's cache, and tests have one of their own: this is read before they get it.
USERS_CACHE = os.environ.get("XDG_CACHE_HOME", "")

# A Python whose virtual environments are copies of one that setup.sh really made.
_READY_PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then exec cp -a /opt/set-up/venv "$3"; fi
exec /usr/bin/python3 "$@"
"""


@contextmanager
def users_cache() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", USERS_CACHE)
        yield


@pytest.fixture(scope="session")
def prepared() -> Callable[[str], PreparedBoard]:
    """A board's files by its name."""

    def prepare(name: str) -> PreparedBoard:
        try:
            with users_cache():
                return sandbox.prepare_board(BOARDS[name])
        except store.EmulationError as error:
            pytest.skip(error.message)

    return prepare


@pytest.fixture(scope="session")
def answering(prepared: Callable[[str], PreparedBoard]) -> Callable[..., Iterator[SshBoard]]:
    """A board by its name, up until the end of the block; the rest as `ssh_board.start_board` takes it."""

    @contextmanager
    def start(name: str, **options: object) -> Iterator[SshBoard]:
        ready = prepared(name)
        try:
            board = ssh_board.start_board(ready, **options)
            entered = board.__enter__()
        except store.EmulationError as error:
            pytest.skip(error.message)
        try:
            yield entered
        finally:
            board.__exit__(None, None, None)

    return start


@pytest.fixture(scope="session")
def built_for(built: Built, order: Order, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Built]:
    """The shared run, built further for a target and a method. Nothing is trained again."""
    made: dict[tuple[str, str], Built] = {}

    def further(target: str, method: str) -> Built:
        if (target, method) not in made:
            folder = tmp_path_factory.mktemp(f"{target}-{method}") / "run"
            shutil.copytree(built.run, folder)
            wanted = replace(order, targets=(targets.find_target(target),), method=method)
            with run_folder.open_run(folder) as run:
                made[target, method] = build(wanted, run, Console(quiet=True))
        return made[target, method]

    return further


@pytest.fixture(scope="session")
def set_up(
    prepared: Callable[[str], PreparedBoard],
    answering: Callable[..., Iterator[SshBoard]],
    built_for: Callable[[str, str], Built],
) -> Path:
    """What setup.sh makes on bookworm: `venv`, kept until anything that it depends on changes, and `python3`."""
    bundle = built_for("raspberry-pi-4", "int8").bundle.root
    ready = prepared("bookworm")
    depends_on = {name: hash_file(bundle / name) for name in ("setup.sh", "fits.py", "requirements.txt")}

    def make(folder: Path) -> None:
        with answering("bookworm") as board:
            board.copy(bundle)
            done = board.ssh(f"sh {bundle.name}/setup.sh </dev/null")
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.endswith("This device gives what the build gave.\n")
            pack = ["ssh", "-F", str(board.config), "-T", board.name, f"tar -C {bundle.name} -cf - .venv"]
            with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
                unpack = ["tar", "-x", "-C", str(folder), "--no-same-owner"]
                subprocess.run(unpack, stdin=packed.stdout, check=True)
        (folder / ".venv" / "set-up").unlink()
        (folder / ".venv").rename(folder / "venv")
        (folder / "python3").write_text(_READY_PYTHON, encoding="utf-8")
        (folder / "python3").chmod(0o755)

    with users_cache():
        return store.cache_folder("set-up", [ready.root.name, depends_on, _READY_PYTHON], make)


@dataclass(frozen=True)
class OwnSsh:
    """A folder with an `ssh` that reads the configuration written into it, as the user's own would."""

    folder: Path

    def use(self, config: Path) -> None:
        program = self.folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{config}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    @property
    def path(self) -> str:
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def own_ssh(tmp_path: Path) -> OwnSsh:
    """To be put in front of PATH."""
    (tmp_path / "own-ssh").mkdir()
    return OwnSsh(tmp_path / "own-ssh")
