"""Scores for validation photos → the threshold of each label. Test photos have no part in it."""

import numpy as np
from numpy.typing import NDArray

from edgetl.core.tasks.label_threshold import LabelThreshold

DEFAULT = 0.5
# A threshold from fewer photos with the label, or without it, would follow these photos and not the label.
FEWEST_PHOTOS = 10
# Between two of the 256 values of an int8 sigmoid: rounding a score to the nearest of them changes no decision. Not
# near 0 and 1, where few scores decide.
_CHOICES = (np.arange(12, 244) + 0.5) / 256


def choose_thresholds(
    scores: np.ndarray, labels: NDArray[np.int64], names: tuple[str, ...]
) -> tuple[LabelThreshold, ...]:
    """Choose the threshold with the highest F1 score for each label; of equal ones, the nearest to 0.5.

    F1 and not the fraction of right decisions: with that, a rare label would be decided best by never finding it.

    Args:
        scores: float [photos, labels], of the Keras model for the validation photos.
        labels: int64 [photos, labels], 1 where a photo has the label.
        names: of the labels.

    Source: Lipton, Elkan, Naryanaswamy (2014), Optimal thresholding of classifiers to maximize F1 measure, ECML PKDD.
    """
    return tuple(_choose(scores[:, column], labels[:, column], name) for column, name in enumerate(names))


def _choose(scores: np.ndarray, labels: NDArray[np.int64], name: str) -> LabelThreshold:
    photos = int(labels.sum())
    if min(photos, len(labels) - photos) < FEWEST_PHOTOS:
        return LabelThreshold(name=name, value=DEFAULT, photos=photos, chosen=False)
    values = np.append(_CHOICES, DEFAULT)
    decided = scores[None, :] >= values[:, None]
    found = (decided & (labels == 1)).sum(axis=1)
    f1 = 2 * found / (decided.sum(axis=1) + photos)
    best = np.flatnonzero(f1 == f1.max())
    value = float(values[best[np.abs(values[best] - DEFAULT).argmin()]])
    return LabelThreshold(name=name, value=value, photos=photos, chosen=True)


def describe_thresholds(thresholds: tuple[LabelThreshold, ...]) -> list[str]:
    """Describe the thresholds of labels in a line, and in a second one the labels with too few photos for one."""
    chosen = [f"{threshold.name} {threshold.value:.3f}" for threshold in thresholds if threshold.chosen]
    default = [threshold.name for threshold in thresholds if not threshold.chosen]
    lines = []
    if chosen:
        lines.append(f"a photo has a label from the score with the best F1 on validation photos: {', '.join(chosen)}")
    if default:
        lines.append(
            f"a photo has these labels from a score of {DEFAULT}, for want of {FEWEST_PHOTOS} validation photos with "
            f"and without them: {', '.join(default)}"
        )
    return lines
