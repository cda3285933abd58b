"""What every stage receives from the stage runner."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.core.console import Console
from edgetl.core.execution.executor import Executor


@dataclass(frozen=True, slots=True)
class Workspace:
    """What a stage works with.

    Attributes:
        folder: the folder that it writes into.
        console: shows its progress.
        executor: runs its tasks; None for this machine. It decides where a result is computed, and no result.
    """

    folder: Path
    console: Console
    executor: Executor | None = None
