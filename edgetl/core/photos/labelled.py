"""Photos with labels, and their augmented views: input of training in Keras 3 and in the Keras 2 child process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgetl.core.photos import augment, class_weights, pixel_store
from edgetl.core.photos.class_weights import ClassWeightChoice
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe.tables import AugmentRecipe
from edgetl.core.records import InputSpec, Photo


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPhotos:
    """Photos of one part.

    Attributes:
        pixels: uint8 [photos, height, width, 3].
        labels: int64 [photos].
        sha256s: hash of each photo.
        weights: float32 [photos], what each photo counts; None if all count 1.
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
        labels = np.array([photo.label for photo in photos], dtype=np.int64)
        return cls(pixels=pixel_store.open_pixels(sha256s, input_spec), labels=labels, sha256s=sha256s)

    def weigh_classes(self) -> "LabelledPhotos":
        """Return the same photos with weights that make all classes count equally."""
        return replace(self, weights=class_weights.weigh_photos(self.labels))

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
    if not class_weights.is_weighted(parts[0].labels, class_weight):
        return parts
    return parts[0].weigh_classes(), parts[1].weigh_classes()


def choose_view(epoch: int, recipe: AugmentRecipe) -> int:
    """Return the number of the view that an epoch, counted from 1, trains on: the views take turns."""
    return (epoch - 1) % recipe.views if recipe.on else 0
