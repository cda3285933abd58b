"""Who is told how a training goes, and what: data in, calls out."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """What one epoch reached. Epochs count from 1 through both phases."""

    phase: str
    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who is told: what begins with how many steps, the steps with a note, the epochs, and what is worth saying."""

    begin: Callable[[str, int], None]
    step: Callable[[int, str], None]
    epoch: Callable[[Epoch], None]
    say: Callable[[str], None]
