"""What is known of photos beside their content → whether it predicts the class, which a network may learn instead."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.inspection.findings import Shortcut
from edgetl.core.inspection.photo_headers import PhotoHeader

# Cameras with fewer photos are one.
_MOST_CAMERAS = 20
# Where fewer photos have a time, it is not a property of the data set.
_FEWEST_TIMES = 0.5
# One-sided, confidence 0.95.
_DEVIATIONS = 1.645
# A bound above this fraction of the way from chance to certainty is reported.
_FRACTION = 0.25

Clue = NDArray[np.float64]


def list_clues(headers: Sequence[PhotoHeader], mean_colour: NDArray[np.floating]) -> dict[str, Clue]:
    """List what a linear model may predict the class from: name → float [photos, values].

    Something that all photos have in common, or that most lack, is not in the list.

    Args:
        headers: of the photos.
        mean_colour: float [photos, 3].
    """
    sizes = np.array([(max(1, header.width_px), max(1, header.height_px)) for header in headers], float)
    clues = {
        "size of the file": np.log(np.array([[max(1, header.bytes)] for header in headers], float)),
        "size and shape of the picture": np.log(np.column_stack([sizes, sizes[:, 0] / sizes[:, 1]])),
        "mean colour": np.asarray(mean_colour, float),
    }
    cameras = [name for name, _ in Counter(header.camera for header in headers).most_common(_MOST_CAMERAS)]
    if len(cameras) > 1:
        clues["camera"] = np.array([[header.camera == name for name in cameras] for header in headers], float)
    times = [header.time for header in headers]
    if sum(time is not None for time in times) > _FEWEST_TIMES * len(times):
        days = np.array([np.nan if time is None else time.toordinal() + time.hour / 24 for time in times])
        hours = np.array([np.nan if time is None else time.hour + time.minute / 60 for time in times])
        values = np.column_stack([days, hours])
        clues["time of the photo"] = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    return {name: values for name, values in clues.items() if np.ptp(values, axis=0).any()}


def judge_shortcut(name: str, labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> Shortcut:
    """Judge predictions from a clue on photos that the model was not trained on.

    The accuracy is the mean of the recalls of the classes, so guessing the largest class gains nothing.

    Args:
        name: of the clue.
        labels: int [photos].
        predicted: int [photos].
    """
    classes = np.unique(labels)
    recalls = np.array([(predicted[labels == label] == label).mean() for label in classes])
    counts = np.array([(labels == label).sum() for label in classes])
    accuracy = float(recalls.mean())
    # A recall of 0 or 1 in few photos is not certain: Agresti and Coull add two photos of each kind.
    shrunk = (recalls * counts + 2) / (counts + 4)
    deviation = float(np.sqrt((shrunk * (1 - shrunk) / (counts + 4)).sum()) / len(classes))
    low = max(0.0, min(accuracy, float(shrunk.mean())) - _DEVIATIONS * deviation)
    chance = 1 / len(classes)
    return Shortcut(
        name=name,
        accuracy=accuracy,
        low=low,
        chance=chance,
        is_shortcut=low > chance + _FRACTION * (1 - chance),
    )
