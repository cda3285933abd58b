"""The wheels that a board installs, and the same ones unpacked for whoever does not want to wait for its pip."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tools.emulation.boards import Board
from tools.emulation.store import CannotEmulate

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"


def pinned(board: Board) -> tuple[str, ...]:
    """The board's wheels, each with the version that this machine has too, where it has it."""
    pins = {line.partition("==")[0]: line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()}
    return tuple(pins.get(name, name) for name in board.wheels)


def fetch(folder: Path, board: Board) -> None:
    """Fill opt/wheels with wheels, from the index that this machine's pip asks, and opt/site with what is in them."""
    wheels, site = folder / "opt" / "wheels", folder / "opt" / "site"
    wheels.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(wheels)]
    command += ["--implementation", "cp", "--python-version", board.python]
    command += [part for tag in board.platforms for part in ("--platform", tag)]
    if not board.wheels_need:
        command += ["--no-deps"]
    # This machine's constraints are not the board's.
    environment = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
    done = subprocess.run([*command, *pinned(board)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotEmulate(f"wheels for the emulated board cannot be had: {why}")
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
