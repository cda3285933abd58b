"""The wheels that a board installs, and the same wheels unpacked, for programs that run without a pip install."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tools.emulation.boards import Board
from tools.emulation.store import EmulationError

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"


def pin_versions(board: Board) -> tuple[str, ...]:
    """List the board's wheels as requirements, pinned to the version in tools/constraints.txt where it has one."""
    pins = {line.partition("==")[0]: line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()}
    return tuple(pins.get(name, name) for name in board.wheels)


def download_wheels(folder: Path, board: Board) -> None:
    """Download the wheels into opt/wheels, from the index of this machine's pip, and unpack them into opt/site.

    Raises:
        EmulationError: pip cannot download them.
    """
    wheels, site = folder / "opt" / "wheels", folder / "opt" / "site"
    wheels.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(wheels)]
    command += ["--implementation", "cp", "--python-version", board.python]
    command += [part for tag in board.platforms for part in ("--platform", tag)]
    if not board.with_dependencies:
        command += ["--no-deps"]
    # Constraints of this machine's pip do not apply to the board.
    environment = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
    pip = subprocess.run([*command, *pin_versions(board)], env=environment, capture_output=True, text=True, check=False)
    if pip.returncode:
        reason = (pip.stderr.strip().splitlines() or ["no message"])[-1]
        raise EmulationError(f"wheels for the emulated board cannot be downloaded: {reason}")
    # Unpacking is enough to import them; their command-line programs are not used.
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
