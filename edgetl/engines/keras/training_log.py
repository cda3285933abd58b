"""What each epoch reached, as it happens: a CSV for scripts and TensorBoard's event file for eyes."""

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
    """`log.csv` and `tensorboard/` in a folder; each epoch is on the disk when `epoch` returns."""

    def __init__(self, folder: Path) -> None:
        self._csv = folder / "log.csv"
        with self._csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(field.name for field in fields(EpochResult))
        (folder / "tensorboard").mkdir()
        self._events = tf.io.TFRecordWriter(str(folder / "tensorboard" / "events.out.tfevents.edgetl"))
        self._write(Event(file_version="brain.Event:2"))

    def epoch(self, epoch: EpochResult) -> None:
        """Add one epoch."""
        with self._csv.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(asdict(epoch).values())
        values = [Summary.Value(tag=name, simple_value=getattr(epoch, name)) for name in _SCALARS]
        self._write(Event(step=epoch.epoch, summary=Summary(value=values)))

    def close(self) -> None:
        """Finish the event file."""
        self._events.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._events.write(event.SerializeToString())
        self._events.flush()
