"""watch.py: an epoch is told as it is, once, and nobody can change it afterwards."""

import dataclasses

import pytest

from edgetl.engines.watch import Epoch


def test_an_epoch_cannot_be_changed():
    epoch = Epoch(
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
