"""A board's files, prepared once and cached, and the command line that runs a program on the board."""

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
from tools.emulation.store import EmulationError, cache_folder

_INSIDE = Path(__file__).with_name("inside.py")
# The disk is in memory. A bundle with its virtual environment needs less than this.
DISK_BYTES = 2 << 30
_PRECOMPILED = (
    *("argparse", "asyncio", "email.parser", "ensurepip", "hashlib", "html.parser", "http.client", "json"),
    *("importlib.metadata", "logging.config", "multiprocessing", "optparse", "platform", "runpy", "subprocess"),
    *("tarfile", "tempfile", "unittest.mock", "venv", "xmlrpc.client", "zipfile", "numpy", "PIL.Image", "PIL.ImageOps"),
)
# Output of platform.machine() → Debian's name of the architecture.
_ARCHITECTURES = {"x86_64": "amd64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedBoard:
    """A board with all its files: a root file system with opt/wheels and opt/site, and the qemu that runs it."""

    board: Board
    root: Path
    qemu: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of every program on the board."""
        return {"QEMU_CPU": self.board.cpu, "LANG": "C.UTF-8"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A program on a board.

    Attributes:
        command: its command line.
        environment: its environment, in addition to the board's.
        work: an empty folder, on which the board's disk is mounted.
        shared: folders of the board → folders of this machine.
        owners: paths on the board → user id of the owner.
        users: number of users on the board; more than one needs root here.
        disk_bytes: how much may be written; it is dropped at the end. With 0, the prepared files are written instead.
    """

    command: Sequence[str]
    work: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Path] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    users: int = 1
    disk_bytes: int = DISK_BYTES


def prepare_board(board: Board) -> PreparedBoard:
    """Return the board from the cache; its packages and wheels are downloaded once.

    Raises:
        EmulationError: this is not x86-64 Linux, or packages cannot be downloaded.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        raise EmulationError(f"boards are emulated on x86-64 Linux, not on {sys.platform} {platform.machine()}")
    qemu_key = [debian.QEMU_SUITE, architecture]
    qemu_folder = cache_folder("qemu", qemu_key, lambda folder: debian.unpack_qemu(folder, architecture))
    qemu = qemu_folder / ("qemu-arm" if board.machine == "armv7l" else "qemu-aarch64")
    # All that the root file system depends on; a new pin makes a new folder.
    key = [board.suite, board.architecture, board.packages, wheels.pin_versions(board), board.platforms]

    def make(folder: Path) -> None:
        debian.unpack_root(folder, board)
        wheels.download_wheels(folder, board)
        _precompile(PreparedBoard(board=board, root=folder, qemu=qemu))

    return PreparedBoard(board=board, root=cache_folder(board.name, key, make), qemu=qemu)


def make_command(prepared: PreparedBoard, program: Program) -> list[str]:
    """Make the command line that runs a program on the board from this machine."""
    basics = {"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/usr/sbin"}
    settings = {
        "root": str(prepared.root),
        "qemu": str(prepared.qemu),
        "model": prepared.board.model,
        "work": str(program.work),
        "command": list(program.command),
        "environment": {**basics, **prepared.environment, **program.environment},
        "shared": {inside: str(outside.absolute()) for inside, outside in program.shared.items()},
        "owners": dict(program.owners),
        "users": program.users,
        "disk_bytes": program.disk_bytes,
    }
    # -I: the program must not import modules from the current folder.
    return [sys.executable, "-I", str(_INSIDE), json.dumps(settings)]


def _precompile(prepared: PreparedBoard) -> None:
    """Write the bytecode of modules that are imported often into the prepared files: compiling is slow under qemu."""
    with TemporaryDirectory(prefix="edgetl-board-") as work:
        program = Program(
            command=["python3", "-c", f"import {', '.join((*_PRECOMPILED, prepared.board.runtime))}"],
            work=Path(work),
            environment={"PYTHONPATH": "/opt/site"},
            disk_bytes=0,
        )
        python = subprocess.run(make_command(prepared, program), capture_output=True, text=True, check=False)
    if python.returncode:
        reason = (python.stderr.strip().splitlines() or ["no message"])[-1]
        raise EmulationError(f"the emulated board does not start: {reason}")
