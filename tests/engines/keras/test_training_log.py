"""The training log: each epoch is on disk at once, as a row of log.csv and as an event for TensorBoard."""

import csv

import pytest
import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from edgetl.core.errors import DataError
from edgetl.core.progress import EpochResult
from edgetl.engines.keras.training_log import TrainingLog


def make_epoch(number: int) -> EpochResult:
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


def read_events(folder):
    """Read the events of the only event file. TensorFlow checks the checksum of each."""
    (path,) = (folder / "tensorboard").iterdir()
    assert "tfevents" in path.name
    return [Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def test_each_epoch_is_on_disk_when_the_call_returns(tmp_path):
    log = TrainingLog(tmp_path)
    for number in (1, 2):
        log.epoch(make_epoch(number))
        rows = list(csv.DictReader((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()))
        assert [int(row["epoch"]) for row in rows] == list(range(1, number + 1))
        assert [event.step for event in read_events(tmp_path)] == list(range(number + 1))
    log.close()
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


def test_event_file_begins_with_its_version_and_contains_the_scalars(tmp_path):
    log = TrainingLog(tmp_path)
    log.epoch(make_epoch(4))
    log.close()
    version, scalars = read_events(tmp_path)
    assert version.file_version == "brain.Event:2" and scalars.step == 4 and scalars.wall_time > 1.7e9
    assert {value.tag: value.simple_value for value in scalars.summary.value} == {
        "learning_rate": pytest.approx(1e-3),
        "loss": 0.25,
        "accuracy": 0.5,
        "validation_loss": 0.5,
        "validation_accuracy": 0.25,
    }


@pytest.mark.parametrize("call", ["epoch", "close"])
def test_full_disk_is_an_error_with_a_hint(tmp_path, call):
    """TensorFlow raises an error of its own, which is no OSError."""

    class FullDisk:
        def write(self, record: bytes) -> None:
            raise tf.errors.ResourceExhaustedError(None, None, "events; No space left on device")

        def close(self) -> None:
            self.write(b"")

    log = TrainingLog(tmp_path)
    log._events.close()
    log._events = FullDisk()
    with pytest.raises(DataError, match=r"TensorBoard log cannot be written: .*No space left") as error:
        log.epoch(make_epoch(1)) if call == "epoch" else log.close()
    assert "free some space" in error.value.hint and str(tmp_path) in error.value.where[0]
