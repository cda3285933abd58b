"""Emulated Raspberry Pis with sshd, and bundles of the shared model for them.

Where this machine cannot emulate a board, the tests that need one are skipped with the reason. A board starts once per
session and process; with pytest-xdist, all tests of this folder run in one process (tests/conftest.py).
"""

import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.core.device import bundle_files, targets
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.build import Built
from edgetl.pipeline.order import Order
from tests.fixtures.runs import build_in
from tools.emulation import sandbox, ssh_board, store
from tools.emulation.boards import BOARDS
from tools.emulation.sandbox import PreparedBoard
from tools.emulation.ssh_board import SshBoard

# The files of boards are kept in the user's cache. Tests have a cache of their own, set after this line is run.
USER_CACHE = os.environ.get("XDG_CACHE_HOME", "")


@contextmanager
def use_user_cache() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", USER_CACHE)
        yield


@pytest.fixture(scope="session")
def prepare_board() -> Callable[[str], PreparedBoard]:
    """Prepare the files of a board by its name."""

    def prepare(name: str) -> PreparedBoard:
        try:
            with use_user_cache():
                return sandbox.prepare_board(BOARDS[name])
        except store.EmulationError as error:
            pytest.skip(error.message)

    return prepare


@pytest.fixture(scope="session")
def start_board(
    prepare_board: Callable[[str], PreparedBoard],
) -> Callable[..., AbstractContextManager[SshBoard]]:
    """Start a board by its name; it runs until the end of the block. Options are those of `ssh_board.start_board`."""

    @contextmanager
    def start(name: str, **options: Any) -> Iterator[SshBoard]:
        prepared = prepare_board(name)
        with ExitStack() as stack:
            try:
                # The cache contains virtual environments that setup.sh made earlier: see `ready_environment`.
                shared = {"opt/emulation": prepared.root.parent}
                board = stack.enter_context(ssh_board.start_board(prepared, shared=shared, **options))
            except store.EmulationError as error:
                pytest.skip(error.message)
            yield board

    return start


@pytest.fixture(scope="session")
def running_board(start_board: Callable[..., AbstractContextManager[SshBoard]]) -> Iterator[Callable[[str], SshBoard]]:
    """Return a board by its name; it is started at the first call and runs until the end of the session."""
    boards: dict[str, SshBoard] = {}
    with ExitStack() as stack:

        def get(name: str) -> SshBoard:
            if name not in boards:
                boards[name] = stack.enter_context(start_board(name))
            return boards[name]

        yield get


@pytest.fixture
def board(running_board: Callable[[str], SshBoard]) -> Callable[[str], SshBoard]:
    """Return a running board by its name, with an empty home folder."""

    def get(name: str) -> SshBoard:
        board = running_board(name)
        completed = board.ssh("find . -mindepth 1 -delete")
        assert completed.returncode == 0, completed.stderr
        return board

    return get


@pytest.fixture(scope="session")
def built_for(shared_run: Built, order: Order, make_once: Callable[..., Path]) -> Callable[[str, str], Built]:
    """Return the shared run, built for a target and a method. Nothing is trained again."""

    def get(target: str, method: str) -> Built:
        def build(folder: Path) -> None:
            shutil.copytree(shared_run.run, folder / "run")
            target_order = replace(order, targets=(targets.find_target(target),), method=method)
            (folder / "built").write_bytes(pickle.dumps(build_in(folder / "run", target_order)))

        return pickle.loads((make_once(f"{target}-{method}", build) / "built").read_bytes())

    return get


@pytest.fixture(scope="session")
def ready_environment(
    running_board: Callable[[str], SshBoard],
    prepare_board: Callable[[str], PreparedBoard],
    built_for: Callable[[str, str], Built],
) -> str:
    """The path, on the board bookworm, of a virtual environment that setup.sh made there.

    It is kept in the user's cache, because pip takes most of a minute under emulation. It is made again when a file
    that it depends on changes.
    """
    bundle = built_for("raspberry-pi-4", "int8").targets[0].bundle.root
    prepared = prepare_board("bookworm")
    digests = {name: hash_file(bundle / name) for name in ("setup.sh", "check_python.py", "requirements.txt")}

    def make(folder: Path) -> None:
        board = running_board("bookworm")
        board.copy(bundle)
        completed = board.ssh(f"sh {bundle.name}/setup.sh </dev/null")
        assert completed.returncode == 0, completed.stdout + completed.stderr
        assert completed.stdout.endswith(f"{bundle_files.format_closing_line((bundle / 'SHA256SUMS').read_bytes())}\n")
        pack = ["ssh", "-F", str(board.config), "-T", board.name, f"tar -C {bundle.name} -cf - .venv"]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
            unpack = ["tar", "-x", "-C", str(folder), "--no-same-owner"]
            subprocess.run(unpack, stdin=packing.stdout, check=True)
        # setup.sh writes the stamp itself when it uses this environment.
        (folder / ".venv" / "set-up").unlink()
        (folder / ".venv").rename(folder / "venv")

    with use_user_cache():
        folder = store.cache_folder("set-up", [prepared.root.name, digests], make)
    return f"/opt/emulation/{folder.name}/venv"


@dataclass(frozen=True)
class SshProgram:
    """A folder with a program `ssh` that uses the written configuration, as the user's own ssh would."""

    folder: Path

    def use(self, config: Path) -> None:
        program = self.folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{config}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with this folder first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def ssh_program(tmp_path: Path) -> SshProgram:
    (tmp_path / "ssh-program").mkdir()
    return SshProgram(tmp_path / "ssh-program")
