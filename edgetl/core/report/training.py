"""Sentences about a training: its two phases before it starts, and how to see its curves after it."""

import shlex
from importlib.util import find_spec
from pathlib import Path

from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import Trained


def describe_phases(recipe: TrainingTables) -> tuple[str, ...]:
    """Say what each phase trains, for how long, and which option sets that."""
    rate = recipe.phase1.learning_rate
    up_to = "up to " if recipe.training.patience else ""
    first = f"phase 1: the head, {up_to}{_count_epochs(recipe.phase1.epochs)} (--epochs) at {rate:g} (--learning-rate)"
    if not recipe.phase2.epochs:
        return (first, "phase 2: none (--fine-tune-epochs 0)")
    second = (
        f"phase 2: the base from {recipe.phase2.unfreeze} (--unfreeze) and the head, {up_to}"
        f"{_count_epochs(recipe.phase2.epochs)} (--fine-tune-epochs) at {rate * recipe.phase2.learning_rate_ratio:g}"
    )
    return (first, second)


def describe_teacher(teacher: Trained) -> str:
    """Name a teacher, with its width, input and the beginning of its hash."""
    width = f"alpha {teacher.alpha:g}, " if teacher.alpha != 1 else ""
    return f"{teacher.base} ({width}{teacher.input.size}) {teacher.sha256[:12]}"


def describe_curves(folder: Path) -> str:
    """Say how to see the curves of a training: the command, and how to install its program where that is missing.

    Args:
        folder: folder with the event file.
    """
    install = "" if find_spec("tensorboard") else " (to install it: pip install 'edgetl[tensorboard]')"
    return f"training curves: tensorboard --logdir {shlex.quote(str(folder))}{install}"


def _count_epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
