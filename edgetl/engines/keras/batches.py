"""What a phase of training eats: photos as pixels, or as what the frozen half of the network says of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from edgetl.core.feature_store import Features
from edgetl.core.photos.augment import augment_photos
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe import AugmentRecipe, Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPhotos:
    """Pixels with their labels (int64 [photos]) and the sha256 of each photo."""

    pixels: Pixels
    labels: np.ndarray
    sha256s: list[str]

    def view(self, rows: np.ndarray, number: int, seed: int, how: AugmentRecipe) -> np.ndarray:
        """Some photos as one of their augmented views: uint8 [n, side, side, 3]."""
        return augment_photos(self.pixels.rows(rows), [self.sha256s[row] for row in rows], number, seed, how)


class Source(Protocol):
    """Inputs of the trained network for some photos, as an epoch wants them."""

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """[n, …] for these positions in the given epoch, counted from 1."""


@dataclass(frozen=True, slots=True)
class PlainPixels:
    """Photos as they are, every epoch alike: for validation."""

    photos: LabelledPhotos

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:  # noqa: ARG002
        """uint8 [n, side, side, 3]."""
        return self.photos.pixels.rows(rows)


@dataclass(frozen=True, slots=True)
class AugmentedPixels:
    """Training photos, a view of each per epoch, in turn."""

    photos: LabelledPhotos
    recipe: Recipe

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """uint8 [n, side, side, 3]."""
        how = self.recipe.augment
        return self.photos.view(rows, choose_view(epoch, how), self.recipe.training.seed, how)


@dataclass(frozen=True, slots=True)
class CachedFeatures:
    """What the frozen half says of each view; the epochs take the views in the same turn as `AugmentedPixels`."""

    by_view: Sequence[Features]

    def rows(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """float32 [n, …]."""
        return self.by_view[(epoch - 1) % len(self.by_view)].rows(rows)


def choose_view(epoch: int, how: AugmentRecipe) -> int:
    """Which view the epoch takes."""
    return (epoch - 1) % how.views if how.on else 0


class Batches(keras.utils.PyDataset):
    """Batches of a source: in an order drawn from seed and epoch for training, in photo order for validation."""

    def __init__(self, source: Source, labels: np.ndarray, recipe: Recipe, *, first_epoch: int, shuffled: bool) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._source = source
        self._labels = labels
        self._recipe = recipe
        self._shuffled = shuffled
        self._epoch = first_epoch
        self._order = self._drawn()

    def __len__(self) -> int:
        return math.ceil(len(self._labels) / self._recipe.training.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size = self._recipe.training.batch_size
        rows = self._order[index * size : (index + 1) * size]
        labels = self._labels[rows]
        sigmoid = self._recipe.head.activation == "sigmoid"
        return self._source.rows(rows, self._epoch), labels.reshape(-1, 1).astype("float32") if sigmoid else labels

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        self._epoch += 1
        self._order = self._drawn()

    def _drawn(self) -> np.ndarray:
        count = len(self._labels)
        if not self._shuffled:
            return np.arange(count)
        return np.random.default_rng((self._recipe.training.seed, self._epoch)).permutation(count)
