"""What the stage runner gives to every stage."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core.console import Console


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that a stage writes into, and the console on which it shows its progress."""

    folder: Path
    console: Console
