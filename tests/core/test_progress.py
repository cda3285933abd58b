"""watch.py: an epoch is told as it is, once, and nobody can change it afterwards."""

import dataclasses
import io

import pytest

from edgetl.core.console import Console
from edgetl.core.progress import ConsoleListener, EpochResult


def test_an_epoch_cannot_be_changed():
    epoch = EpochResult(
        phase="head",
        epoch=1,
        learning_rate=1e-3,
        loss=0.5,
        accuracy=0.8,
        validation_loss=0.6,
        validation_accuracy=0.7,
        seconds=1.2,
    )
    assert dataclasses.asdict(epoch)["validation_accuracy"] == 0.7
    with pytest.raises(dataclasses.FrozenInstanceError):
        epoch.accuracy = 1.0


def test_a_person_who_watches_sees_every_epoch_and_the_log_keeps_it():
    stream, kept = io.StringIO(), []
    epoch = EpochResult(
        phase="qat",
        epoch=3,
        learning_rate=1e-3,
        loss=0.5,
        accuracy=0.8,
        validation_loss=0.6,
        validation_accuracy=0.7,
        seconds=1.25,
    )
    with ConsoleListener(Console(stream=stream), {"qat": "training", "calibrate": "ranges"}, kept.append) as watching:
        watching.watch.begin("calibrate", 2)
        watching.watch.step(2, "")
        watching.watch.begin("qat", 4)
        watching.watch.step(4, "loss 0.500")
        watching.watch.epoch(epoch)
        watching.watch.say("well")
    assert kept == [epoch]
    assert stream.getvalue().splitlines() == [
        "  epoch   3  loss 0.500  accuracy 0.800  validation 0.700  1.2 s",
        "well",
    ]


def test_what_has_no_title_is_not_shown():
    with pytest.raises(KeyError), ConsoleListener(Console(quiet=True), {}, lambda _: None) as watching:
        watching.watch.begin("qat", 1)
