"""training_log: an epoch is on the disk when it is said, as a row for scripts and as TensorBoard's scalars."""

import csv

import pytest
from tensorflow.core.util.event_pb2 import Event

from edgetl.core.progress import EpochResult
from edgetl.engines.keras.training_log import TrainingLog


def epoch(number: int) -> EpochResult:
    return EpochResult(
        phase="head",
        epoch=number,
        learning_rate=1e-3,
        loss=1 / number,
        accuracy=0.5,
        validation_loss=2 / number,
        validation_accuracy=0.25,
        seconds=1.5,
    )


def events(folder):
    """The events of a TFRecord file: 8 bytes length, 4 checksum, content, 4 checksum."""
    (path,) = (folder / "tensorboard").iterdir()
    content, found = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


def test_every_epoch_is_on_the_disk_at_once(tmp_path):
    log = TrainingLog(tmp_path)
    for number in (1, 2):
        log.epoch(epoch(number))
        rows = list(csv.DictReader((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()))
        assert [int(row["epoch"]) for row in rows] == list(range(1, number + 1))
        assert len(events(tmp_path)) == number + 1
    assert rows[1] == {
        "phase": "head",
        "epoch": "2",
        "learning_rate": "0.001",
        "loss": "0.5",
        "accuracy": "0.5",
        "validation_loss": "1.0",
        "validation_accuracy": "0.25",
        "seconds": "1.5",
    }
    log.close()


def test_tensorboard_reads_the_scalars(tmp_path):
    log = TrainingLog(tmp_path)
    log.epoch(epoch(4))
    log.close()
    head, scalars = events(tmp_path)
    assert head.file_version == "brain.Event:2" and scalars.step == 4 and scalars.wall_time > 1.7e9
    assert {value.tag: value.simple_value for value in scalars.summary.value} == {
        "learning_rate": pytest.approx(1e-3),
        "loss": 0.25,
        "accuracy": 0.5,
        "validation_loss": 0.5,
        "validation_accuracy": 0.25,
    }
    (path,) = (tmp_path / "tensorboard").iterdir()
    assert "tfevents" in path.name
