"""progress.py: an epoch is frozen, shown as one line, and logged."""

import dataclasses
import io

import pytest

from edgetl.core.console import Console
from edgetl.core.progress import EpochResult, listen_on_console

EPOCH = EpochResult(
    phase="qat",
    epoch=3,
    learning_rate=1e-3,
    loss=0.5,
    accuracy=0.8,
    validation_loss=0.6,
    validation_accuracy=0.7,
    seconds=1.25,
)


class Bars(Console):
    """A console that records its bars instead of showing them."""

    def __init__(self, stream):
        super().__init__(stream=stream)
        self.titles = []

    def bar(self, title, total, unit):
        self.titles.append((title, total, unit))
        return super().bar(title, total, unit)


def test_epoch_result_is_frozen():
    assert dataclasses.asdict(EPOCH)["validation_accuracy"] == 0.7
    with pytest.raises(dataclasses.FrozenInstanceError):
        EPOCH.accuracy = 1.0


def test_listener_shows_tasks_epochs_and_sentences_and_logs_epochs():
    stream, logged = io.StringIO(), []
    console = Bars(stream)
    with listen_on_console(console, {"qat": "training", "calibrate": "ranges"}, logged.append) as listener:
        listener.begin("calibrate", 2)
        listener.step(2, "")
        listener.begin("qat", 4)
        listener.step(4, "loss 0.500")
        listener.epoch(EPOCH)
        listener.say("well")
    assert logged == [EPOCH]
    assert console.titles == [("ranges", 2, "photos"), ("training", 4, "steps")]
    assert stream.getvalue().splitlines() == [
        "  epoch   3  loss 0.500  accuracy 0.800  validation 0.700  1.2 s",
        "well",
    ]


def test_task_without_title_is_an_error():
    with pytest.raises(KeyError), listen_on_console(Console(quiet=True), {}, lambda _: None) as listener:
        listener.begin("qat", 1)
