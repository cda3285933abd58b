"""Photos with labels, and their augmented views: input of training in Keras 3 and in the Keras 2 child process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgetl.core.photos import augment, pixel_store
from edgetl.core.photos.class_weights import ClassWeightChoice
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe.tables import AugmentRecipe
from edgetl.core.records import InputSpec, Photo
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import PhotoTask, find_task


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPhotos:
    """Photos of one part.

    Attributes:
        pixels: uint8 [photos, height, width, 3].
        labels: int64 [photos], or [photos, labels] where a photo may have several: see `core.tasks`.
        sha256s: hash of each photo.
        weights: float32 of the shape of the labels, what each of them counts; None if all count 1.
    """

    pixels: Pixels
    labels: np.ndarray
    sha256s: list[str]
    weights: np.ndarray | None = None

    @classmethod
    def open(cls, photos: Sequence[Photo], input_spec: InputSpec) -> "LabelledPhotos":
        """Open photos of the pixel store.

        Raises:
            DataError: some are not in the cache any more.
        """
        sha256s = [photo.sha256 for photo in photos]
        return cls(pixels=pixel_store.open_pixels(sha256s, input_spec), labels=list_labels(photos), sha256s=sha256s)

    @property
    def task(self) -> PhotoTask:
        """What is learned: one class, or several labels."""
        return find_task(self.labels)

    def weigh_classes(self) -> "LabelledPhotos":
        """Return the same photos with weights that make all classes count equally."""
        return replace(self, weights=self.task.compute_weights(self.labels))

    def augmented(self, rows: np.ndarray, view: int, seed: int, recipe: AugmentRecipe) -> np.ndarray:
        """Return one view of some photos: uint8 [rows, side, side, 3]. See `augment.augment_photos`."""
        return augment.augment_photos(self.pixels.rows(rows), [self.sha256s[row] for row in rows], view, seed, recipe)


def open_training_parts(
    training: Sequence[Photo], validation: Sequence[Photo], input_spec: InputSpec, class_weight: ClassWeightChoice
) -> tuple[LabelledPhotos, LabelledPhotos]:
    """Open the training and validation photos, with weights for their classes if the training photos need them.

    Raises:
        DataError: some are not in the cache any more.
    """
    parts = LabelledPhotos.open(training, input_spec), LabelledPhotos.open(validation, input_spec)
    if not parts[0].task.is_weighted(parts[0].labels, class_weight):
        return parts
    return parts[0].weigh_classes(), parts[1].weigh_classes()


def choose_view(epoch: int, recipe: AugmentRecipe) -> int:
    """Return the number of the view that an epoch, counted from 1, trains on: the views take turns."""
    return (epoch - 1) % recipe.views if recipe.on else 0
