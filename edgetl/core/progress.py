"""Progress of a training: the events that a training reports, and a listener that shows them on the console."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from edgetl.core.console import Console, ProgressBar

# Names of tasks that count photos. All other tasks count training steps.
_COUNTED_IN_PHOTOS = ("frozen", "teacher", "calibrate")


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochResult:
    """Result of one epoch. Epochs are numbered from 1 through both phases. Accuracies are fractions, 0..1."""

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
        begin: called at the start of a task with its name and its number of steps.
        step: called with the number of steps since the last call, and a note such as "loss 0.31".
        epoch: called with the result of each epoch.
        say: called with a sentence for the user.
    """

    begin: Callable[[str, int], None]
    step: Callable[[int, str], None]
    epoch: Callable[[EpochResult], None]
    say: Callable[[str], None]


@contextmanager
def listen_on_console(
    console: Console, titles: Mapping[str, str], keep: Callable[[EpochResult], None]
) -> Iterator[TrainingListener]:
    """Yield a listener that shows a progress bar for each task and a line for each epoch.

    Args:
        console: where they are shown.
        titles: name of a task → title of its progress bar.
        keep: called with the result of every epoch, to log it.
    """
    with ExitStack() as open_bar:
        bars: list[ProgressBar] = []

        def begin(task: str, steps: int) -> None:
            # rich shows one live display at a time, so the bar of the previous task is closed first.
            open_bar.close()
            unit = "photos" if task in _COUNTED_IN_PHOTOS else "steps"
            bars.append(open_bar.enter_context(console.bar(titles[task], steps, unit)))

        def step(count: int, note: str) -> None:
            bars[-1].advance(count, note or None)

        def epoch(result: EpochResult) -> None:
            keep(result)
            console.say(
                f"  epoch {result.epoch:>3}  loss {result.loss:.3f}  accuracy {result.accuracy:.3f}  "
                f"validation {result.validation_accuracy:.3f}  {result.seconds:.1f} s"
            )

        yield TrainingListener(begin=begin, step=step, epoch=epoch, say=console.say)
