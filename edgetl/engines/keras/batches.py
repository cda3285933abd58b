"""Inputs of a training phase in batches: pixels of augmented photos, or features of the frozen layers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.storage.feature_store import Features
from edgetl.core.tasks.task import find_task
from edgetl.engines.keras.training import soft_targets


class Source(Protocol):
    """Source of the inputs of a training phase, by photo and epoch."""

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the inputs of the photos at some rows: [rows, …]. The epoch counts from 1."""


@dataclass(frozen=True, slots=True)
class PlainPixels:
    """Pixels without augmentation, the same in each epoch: for validation."""

    photos: LabelledPhotos

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:  # noqa: ARG002
        """Return uint8 [rows, side, side, 3]."""
        return self.photos.pixels.rows(rows)


@dataclass(frozen=True, slots=True)
class AugmentedPixels:
    """Pixels of augmented photos: each epoch reads the next view."""

    photos: LabelledPhotos
    recipe: TrainingTables

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return uint8 [rows, side, side, 3]."""
        augment = self.recipe.augment
        return self.photos.augmented(rows, choose_view(epoch, augment), self.recipe.training.seed, augment)


@dataclass(frozen=True, slots=True)
class CachedFeatures:
    """Features of all views at a split point. The epochs read the views in the same order as `AugmentedPixels`."""

    by_view: Sequence[Features]

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return float32 [rows, …]."""
        return self.by_view[(epoch - 1) % len(self.by_view)].rows(rows)


@dataclass(frozen=True, slots=True)
class Targets:
    """What a phase learns.

    Attributes:
        labels: int64 [photos] or [photos, labels].
        weights: float32 of the same shape, what each counts in loss and accuracy; None if all count 1.
        units: number of units of the model.
        teacher: the probabilities of a teacher for the same inputs, [rows, units]; None without one.
    """

    labels: np.ndarray
    weights: np.ndarray | None
    units: int
    teacher: Source | None = None

    @classmethod
    def of(cls, photos: LabelledPhotos, units: int, teacher: Source | None = None) -> "Targets":
        """Return the targets of photos for a model with so many units."""
        return cls(photos.labels, photos.weights, units, teacher)


class Batches(keras.utils.PyDataset):
    """Batches of a source: shuffled for training, in the order of the photos for validation.

    The order of an epoch is drawn from the seed and the number of the epoch. It does not depend on the epochs before.
    """

    def __init__(
        self, source: Source, targets: Targets, recipe: TrainingTables, *, first_epoch: int, shuffled: bool
    ) -> None:
        # With one worker, Keras reads the batches without threads and a queue of its own.
        super().__init__(workers=1, use_multiprocessing=False)
        self._source = source
        self._targets = targets
        self._recipe = recipe
        self._shuffled = shuffled
        self._epoch = first_epoch
        self._order = self._draw_order()

    def __len__(self) -> int:
        return math.ceil(len(self._targets.labels) / self._recipe.training.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        size = self._recipe.training.batch_size
        rows = self._order[index * size : (index + 1) * size]
        weights = self._targets.weights
        inputs = self._source.rows(rows, self._epoch)
        targets = self._make_targets(rows)
        batch = (inputs, targets) if weights is None else (inputs, targets, weights[rows])
        mixup = self._recipe.training.mixup
        if not (self._shuffled and mixup):
            return batch
        generator = np.random.default_rng((self._recipe.training.seed, self._epoch, index))
        return soft_targets.mix_photos(batch, mixup, generator)

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self._epoch += 1
        self._order = self._draw_order()

    def _make_targets(self, rows: np.ndarray) -> np.ndarray:
        labels, activation = self._targets.labels, self._recipe.head.activation
        targets = find_task(labels).make_targets(labels[rows], activation)
        if not soft_targets.are_soft(self._recipe):
            return targets
        # Validation photos have hard targets, so that their loss means the same in all recipes.
        smoothing = self._recipe.training.label_smoothing if self._shuffled else 0.0
        soft = soft_targets.soften_targets(targets, self._targets.units, smoothing)
        teacher = self._targets.teacher
        return soft if teacher is None else np.concatenate([soft, teacher.rows(rows, self._epoch)], axis=1)

    def _draw_order(self) -> np.ndarray:
        count = len(self._targets.labels)
        if not self._shuffled:
            return np.arange(count)
        return np.random.default_rng((self._recipe.training.seed, self._epoch)).permutation(count)
