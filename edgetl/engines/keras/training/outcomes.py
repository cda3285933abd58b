"""Predicts few validation photos after each epoch, so that the choice of the epoch can be judged."""

import keras
import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.quality.epoch_choice import MOST_PHOTOS, EpochOutcomes
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.engines.keras.batches import Source

# Few large batches: they are predicted without a compiled function, whose compilation takes longer.
_BATCH_SIZE = 128


def find_outcomes(validation: LabelledPhotos, epoch_choice: str) -> EpochOutcomes | None:
    """Return where to add the outcomes of a training; None where no epoch is chosen, or by many photos.

    Where classes are weighed, or photos have several labels, the accuracy that chooses is another one.
    """
    plain = validation.labels.ndim == 1 and validation.weights is None
    return EpochOutcomes() if plain and len(validation.labels) <= MOST_PHOTOS and epoch_choice == "best" else None


class RecordOutcomes(keras.callbacks.Callback):
    """Predicts the validation photos after each epoch."""

    def __init__(self, source: Source, labels: np.ndarray, outcomes: EpochOutcomes) -> None:
        super().__init__()
        self._source, self._labels, self._outcomes = source, labels, outcomes

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Predict them with the weights of this epoch."""
        rows = np.arange(len(self._labels))
        chunks = [rows[start : start + _BATCH_SIZE] for start in range(0, len(rows), _BATCH_SIZE)]
        scores = [
            keras.ops.convert_to_numpy(self.model(self._source.rows(chunk, epoch + 1), training=False))
            for chunk in chunks
        ]
        self._outcomes.add(metrics.expand_sigmoid(np.concatenate(scores)), self._labels)
