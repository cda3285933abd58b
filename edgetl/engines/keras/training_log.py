"""Logs the result of each epoch: log.csv for scripts, and an event file for TensorBoard."""

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework.summary_pb2 import Summary
from tensorflow.core.util.event_pb2 import Event

from edgetl.core.errors import DataError, first_line
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
        self._events_path = folder / "tensorboard" / "events.out.tfevents.edgetl"
        with self._explain_errors():
            self._events = tf.io.TFRecordWriter(str(self._events_path))
        # It expects the version as the first event.
        self._write(Event(file_version="brain.Event:2"))

    def epoch(self, epoch: EpochResult) -> None:
        """Write the result of an epoch.

        Raises:
            DataError: the disk of the event file is full.
            OSError: log.csv cannot be written.
        """
        # Opened again for each epoch, so that a training that is killed leaves complete lines.
        with self._csv.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(asdict(epoch).values())
        values = [Summary.Value(tag=name, simple_value=getattr(epoch, name)) for name in _SCALARS]
        self._write(Event(step=epoch.epoch, summary=Summary(value=values)))

    def close(self) -> None:
        """Close the event file.

        Raises:
            DataError: its disk is full.
        """
        with self._explain_errors():
            self._events.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        with self._explain_errors():
            self._events.write(event.SerializeToString())
            self._events.flush()

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Replace TensorFlow's error for a disk that is full or cannot be written; it is no OSError."""
        try:
            yield
        except tf.errors.OpError as error:
            raise DataError(
                f"the TensorBoard log cannot be written: {first_line(error)}",
                where=(self._events_path,),
                hint="free some space on that disk and run the same command again",
            ) from error
