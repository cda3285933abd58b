"""Class activation maps: the part of each place of a photo in the logit of a class.

The head of a classifier is the mean of the last feature map and one dense layer. So the logit of a class is the mean of
its map plus its bias: the map divides the logit among the places of the photo, exactly and without gradients.

Source: Zhou, Khosla, Lapedriza, Oliva, Torralba (2016), Learning deep features for discriminative localization, CVPR,
equations 1 and 2.
"""

from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import StageError

# Why a network has no maps.
NO_MEAN = "the network does not end in a mean over its last feature map and one dense layer"
MAXIMUM = "the pooling of the network is a maximum, so a logit is no sum over the places of a photo"


class ClassMapError(StageError):
    """The network does not end in a mean over the last feature map and one dense layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMaps:
    """The maps of all units of the last layer, for some photos.

    Attributes:
        maps: float32 [photos, height, width, units]; the mean over height and width plus `bias` is the logit.
        bias: of the last layer, float32 [units].
    """

    maps: np.ndarray
    bias: np.ndarray

    def compute_logits(self) -> np.ndarray:
        """Compute the logits from the maps: float32 [photos, units]."""
        return np.asarray(self.maps.mean(axis=(1, 2)) + self.bias, dtype=np.float32)

    def select(self, row: int, label: int) -> np.ndarray:
        """Return the map of a class for a photo: float32 [height, width].

        One sigmoid unit predicts the second of two classes. Evidence for it is evidence against the first one.
        """
        if self.maps.shape[3] == 1:
            return np.asarray(self.maps[row, :, :, 0] * (1 if label else -1))
        return np.asarray(self.maps[row, :, :, label])


def compute_class_map(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute class activation maps.

    Args:
        features: the last feature map, float [height, width, channels].
        weights: of one unit, float [channels]; or of all, float [channels, units].

    Returns:
        float32 [height, width], or [height, width, units].

    Raises:
        ValueError: shapes that do not match.
    """
    if features.ndim != 3 or weights.ndim not in (1, 2) or features.shape[2] != weights.shape[0]:
        raise ValueError(f"features {features.shape} and weights {weights.shape} have different channels")
    return np.asarray(features.astype(np.float32) @ weights.astype(np.float32))


def correlate_maps(first: np.ndarray, second: np.ndarray) -> float:
    """Compute Pearson's correlation of two maps over their places, -1..1.

    A map with the same value everywhere has no correlation: the result is then 1 if both are such maps, else 0.

    Args:
        first: float [height, width], finite.
        second: the same.

    Raises:
        ValueError: shapes that differ, or a value that is NaN or infinite.
    """
    if first.shape != second.shape:
        raise ValueError(f"maps of shapes {first.shape} and {second.shape} cannot be compared")
    pair = np.stack([first, second]).reshape(2, -1).astype(np.float64)
    if not np.isfinite(pair).all():
        raise ValueError("a map contains values that are not finite")
    flat = np.ptp(pair, axis=1) == 0
    if flat.any():
        return float(flat.all())
    # Divided by the largest value first: squares of tiny differences would be zero.
    centred = pair - pair.mean(axis=1, keepdims=True)
    centred /= np.abs(centred).max(axis=1, keepdims=True)
    product = (centred[0] * centred[1]).sum() / np.sqrt((centred**2).sum(axis=1).prod())
    return float(np.clip(product, -1, 1))


def check_map_size(height: int, width: int) -> None:
    """Check that a feature map has more than one place.

    Raises:
        ClassMapError: it has one, so a map shows nothing.
    """
    if height * width < 2:
        raise ClassMapError("the last feature map has one place only: photos of this size are too small for heat maps")
