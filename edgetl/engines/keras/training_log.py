"""Logs the result of each epoch: log.csv for scripts, and an event file for TensorBoard."""

import csv
import time
from dataclasses import asdict, fields
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework.summary_pb2 import Summary
from tensorflow.core.util.event_pb2 import Event

from edgetl.core.progress import EpochResult

_SCALARS = ("learning_rate", "loss", "accuracy", "validation_loss", "validation_accuracy")


class TrainingLog:
    """Writes `log.csv` and `tensorboard/` into a folder. Each epoch is on disk when `epoch` returns."""

    def __init__(self, folder: Path) -> None:
        self._csv = folder / "log.csv"
        with self._csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(field.name for field in fields(EpochResult))
        (folder / "tensorboard").mkdir()
        # TensorBoard reads files with "tfevents" in their name.
        self._events = tf.io.TFRecordWriter(str(folder / "tensorboard" / "events.out.tfevents.edgetl"))
        # It expects the version as the first event.
        self._write(Event(file_version="brain.Event:2"))

    def epoch(self, epoch: EpochResult) -> None:
        """Write the result of an epoch."""
        # Opened again for each epoch, so that a training that is killed leaves complete lines.
        with self._csv.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(asdict(epoch).values())
        values = [Summary.Value(tag=name, simple_value=getattr(epoch, name)) for name in _SCALARS]
        self._write(Event(step=epoch.epoch, summary=Summary(value=values)))

    def close(self) -> None:
        """Close the event file."""
        self._events.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._events.write(event.SerializeToString())
        self._events.flush()
