"""Progress of a training: what the training reports, and a listener that shows it on the console."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from edgetl.core.console import Console, ProgressBar

# Work that is counted in photos; other work is counted in training steps.
_COUNTED_IN_PHOTOS = ("frozen", "calibrate")


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochResult:
    """Result of one epoch. Epochs count from 1 through both phases."""

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
    """Functions that a training calls.

    Attributes:
        begin: name and number of steps of the work that begins.
        step: number of further steps that are done, and a note such as "loss 0.31".
        epoch: result of an epoch.
        say: a sentence for the user.
    """

    begin: Callable[[str, int], None]
    step: Callable[[int, str], None]
    epoch: Callable[[EpochResult], None]
    say: Callable[[str], None]


@contextmanager
def listen_on_console(
    console: Console, titles: Mapping[str, str], keep: Callable[[EpochResult], None]
) -> Iterator[TrainingListener]:
    """Yield a listener that shows a progress bar for each work and a line for each epoch.

    Args:
        console: where it is shown.
        titles: name of a work → title of its progress bar.
        keep: called with every epoch, to log it.
    """
    with ExitStack() as open_bar:
        bars: list[ProgressBar] = []

        def begin(work: str, steps: int) -> None:
            open_bar.close()
            unit = "photos" if work in _COUNTED_IN_PHOTOS else "steps"
            bars.append(open_bar.enter_context(console.bar(titles[work], steps, unit)))

        def step(count: int, note: str) -> None:
            bars[-1].advance(count, note or None)

        def epoch(result: EpochResult) -> None:
            keep(result)
            console.say(
                f"  epoch {result.epoch:>3}  loss {result.loss:.3f}  accuracy {result.accuracy:.3f}  "
                f"validation {result.validation_accuracy:.3f}  {result.seconds:.1f} s"
            )

        yield TrainingListener(begin=begin, step=step, epoch=epoch, say=console.say)
