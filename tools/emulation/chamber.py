"""A board's files, prepared once and kept, and the command line that starts a program on it."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.emulation import debian, wheels
from tools.emulation.boards import Board
from tools.emulation.store import CannotEmulate, kept

INSIDE = Path(__file__).with_name("inside.py")
# More than a bundle with its virtual environment needs, and far less than this machine's memory, in which it lies.
DISK_BYTES = 2 << 30
_IMPORTED = (
    *("argparse", "asyncio", "email.parser", "ensurepip", "hashlib", "html.parser", "http.client", "json"),
    *("importlib.metadata", "logging.config", "multiprocessing", "optparse", "platform", "runpy", "subprocess"),
    *("tarfile", "tempfile", "unittest.mock", "venv", "xmlrpc.client", "zipfile", "numpy", "PIL.Image", "PIL.ImageOps"),
)
_MACHINES = {"x86_64": "amd64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A board whose files are all here: root file system with opt/wheels and opt/site, and the qemu that runs it."""

    board: Board
    root: Path
    qemu: Path

    @property
    def environment(self) -> dict[str, str]:
        """What holds for every program on it."""
        return {"QEMU_CPU": self.board.cpu, "LANG": "C.UTF-8"}


def prepared(board: Board) -> Prepared:
    """The board, from the cache; the first time its packages and wheels are fetched.

    Raises:
        CannotEmulate: this is no x86-64 Linux, or packages cannot be had.
    """
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise CannotEmulate(f"boards are emulated on x86-64 Linux, not on {sys.platform} {platform.machine()}")
    qemu = kept("qemu", [debian.QEMU_SUITE, machine], lambda folder: debian.qemu(folder, machine))
    pins = wheels.pinned(board)
    key = [board.suite, board.architecture, board.packages, pins, board.platforms]

    def make(folder: Path) -> None:
        debian.root(folder, board)
        wheels.fetch(folder, board)
        _precompile(Prepared(board=board, root=folder, qemu=qemu / _qemu_name(board)))

    return Prepared(board=board, root=kept(board.name, key, make), qemu=qemu / _qemu_name(board))


def _qemu_name(board: Board) -> str:
    return "qemu-arm" if board.machine == "armv7l" else "qemu-aarch64"


def _precompile(ready: Prepared) -> None:
    """Let the board's Python keep the bytecode of what will be imported again and again: that is slow under qemu."""
    with TemporaryDirectory(prefix="edgetl-board-") as work:
        start = Visit(
            command=["python3", "-c", f"import {', '.join((*_IMPORTED, ready.board.runtime))}"],
            work=Path(work),
            environment={"PYTHONPATH": "/opt/site"},
            disk_bytes=0,
        )
        done = subprocess.run(command(ready, start), capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotEmulate(f"the emulated board does not start: {why}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """How a program is started there.

    Attributes:
        command: what is run.
        environment: all it gets, with the board's own.
        work: an empty folder; the board's disk is mounted on it.
        shared: folders of the board → folders of this machine.
        owners: paths on the board → who owns them.
        users: how many users there are. More than one needs root here.
        disk_bytes: how much may be written, all of it gone at the end; 0: written into the prepared files themselves.
    """

    command: Sequence[str]
    work: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Path] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    users: int = 1
    disk_bytes: int = DISK_BYTES


def command(ready: Prepared, visit: Visit) -> list[str]:
    """The command line, here, that runs the visit's there."""
    home = {"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/usr/sbin"}
    wanted = {
        "root": str(ready.root),
        "qemu": str(ready.qemu),
        "model": ready.board.model,
        "work": str(visit.work),
        "command": list(visit.command),
        "environment": {**home, **ready.environment, **visit.environment},
        "shared": {inside: str(outside.absolute()) for inside, outside in visit.shared.items()},
        "owners": dict(visit.owners),
        "users": visit.users,
        "disk_bytes": visit.disk_bytes,
    }
    return [sys.executable, "-I", str(INSIDE), json.dumps(wanted)]
