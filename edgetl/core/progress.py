"""Who is told how a training goes, and what: data in, calls out."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from edgetl.core.console import Console, ProgressBar


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochResult:
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
class TrainingListener:
    """Who is told: what begins with how many steps, the steps with a note, the epochs, and what is worth saying."""

    begin: Callable[[str, int], None]
    step: Callable[[int, str], None]
    epoch: Callable[[EpochResult], None]
    say: Callable[[str], None]


class ConsoleListener(ExitStack):
    """A person who watches: a progress bar for whatever begins, a line an epoch, and a log that keeps it.

    Args:
        console: where it is shown.
        titles: what begins → how it is called on the console.
        keep: is given every epoch.
    """

    def __init__(self, console: Console, titles: Mapping[str, str], keep: Callable[[EpochResult], None]) -> None:
        super().__init__()
        self._console = console
        self._titles = titles
        self._keep = keep
        self._bar: ProgressBar | None = None
        self.watch = TrainingListener(begin=self._begin, step=self._step, epoch=self._epoch, say=console.say)

    def _begin(self, what: str, steps: int) -> None:
        self.close()
        unit = "photos" if what in ("frozen", "calibrate") else "steps"
        self._bar = self.enter_context(self._console.bar(self._titles[what], steps, unit))

    def _step(self, count: int, note: str) -> None:
        assert self._bar is not None
        self._bar.advance(count, note or None)

    def _epoch(self, epoch: EpochResult) -> None:
        self._keep(epoch)
        self._console.say(
            f"  epoch {epoch.epoch:>3}  loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}  "
            f"validation {epoch.validation_accuracy:.3f}  {epoch.seconds:.1f} s"
        )
