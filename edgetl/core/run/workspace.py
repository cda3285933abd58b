"""What every stage receives from the stage runner."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core.console import Console


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that a stage writes into, and the console that shows its progress."""

    folder: Path
    console: Console
