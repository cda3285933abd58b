"""Calibration photos → nothing, or a DataError that says what is wrong with them.

Ranges from bad photos make a file that runs and answers badly, and no tool says so. What is checked here is what goes
wrong in practice: photos of the test part, one photo over and over, one class, noise or black frames in their place.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Dataset, InputSpec, LayerError, Photo

# A photo whose levels deviate less than this from their mean shows nothing: a lens cap, a failed capture.
_BLANK_LEVELS = 2.0
_MOST_BLANK = 0.1
# How far mean and deviation of the levels may lie from those of the training photos. Two draws of 500 flowers differ
# by less than 2 levels; noise, darkness and swapped scalings differ by 30 and more.
_NEAR_LEVELS = 16.0
_SAMPLING_ERRORS = 4.0
# A range that other photos leave this often was set by photos unlike them. The ends of n draws leave 2 / (n + 1) of
# what comes after them outside, so that few photos are forgiven more.
_MOST_SATURATED = 0.05
_BY_CHANCE = 3.0
# Their ranges are TFLite's, whatever the photos. Source: TFLite 8-bit quantization specification.
_FIXED = frozenset({"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"})
# Two disjoint sets of photos that agree set every range alike, within this factor.
_ALIKE = 1.5

_HINT = "[convert] calibration_photos draws them from the training part, the classes in turn"


def audit_calibration(photos: Sequence[Photo], dataset: Dataset, input_spec: InputSpec) -> Pixels:
    """The pixels of photos that may set ranges.

    Raises:
        DataError: they may not, or cannot well.
    """
    audit_photos(photos, dataset)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    audit_pixels(pixels, pixel_store.open_pixels([photo.sha256 for photo in dataset.train], input_spec))
    return pixels


def audit_photos(photos: Sequence[Photo], dataset: Dataset) -> None:
    """Refuse photos that may not, or cannot well, set activation ranges.

    Raises:
        DataError: a photo of another part, the same photo twice, or a class that is short of photos.
    """
    if not photos:
        raise DataError("no calibration photos", where=(dataset.root,), hint=_HINT)
    train = {photo.sha256 for photo in dataset.train}
    for part in (dataset.test, dataset.validation):
        kept = {photo.sha256 for photo in part}
        for photo in photos:
            if photo.sha256 in kept:
                raise DataError("a calibration photo is one to be judged by", where=(photo.path,), hint=_HINT)
    for photo in photos:
        if photo.sha256 not in train:
            raise DataError("a calibration photo is none of the training photos", where=(photo.path,), hint=_HINT)
    times = Counter(photo.sha256 for photo in photos)
    for photo in photos:
        if times[photo.sha256] > 1:
            raise DataError(f"one calibration photo stands {times[photo.sha256]} times", where=(photo.path,))
    available, drawn = Counter(photo.label for photo in dataset.train), Counter(photo.label for photo in photos)
    for label, name in enumerate(dataset.classes):
        # What a class is due: an equal part, or one as large as among the training photos where that is less.
        due = min(len(photos) / len(dataset.classes), len(photos) * available[label] / len(dataset.train))
        if drawn[label] < due / 2 - 1:
            raise DataError(
                f"{drawn[label]} of {len(photos)} calibration photos are of class {name}: too few of one class",
                where=(dataset.root,),
                hint=_HINT,
            )


def audit_pixels(calibration: Pixels, training: Pixels) -> None:
    """Refuse photos that do not look like those that were trained on.

    Args:
        calibration: uint8 [photos, side, side, 3].
        training: the same of training photos to compare with.

    Raises:
        DataError: blank photos, or levels unlike the training photos'.
    """
    means, deviations = _levels(calibration)
    blank = float(np.mean(deviations < _BLANK_LEVELS))
    usual_means, usual_deviations = _levels(training)
    if blank > max(_MOST_BLANK, 2 * float(np.mean(usual_deviations < _BLANK_LEVELS))):
        raise DataError(f"{blank:.0%} of the calibration photos are of one colour")
    for what, seen, usual in (("mean", means, usual_means), ("deviation", deviations, usual_deviations)):
        sampling = _SAMPLING_ERRORS * float(np.std(usual)) / np.sqrt(len(seen))
        apart = abs(float(np.mean(seen)) - float(np.mean(usual)))
        if apart > max(_NEAR_LEVELS, sampling):
            raise DataError(
                f"calibration photos are unlike the training photos: their levels have a {what} of "
                f"{np.mean(seen):.0f}, the training photos' {np.mean(usual):.0f}"
            )


def audit_ranges(layers: Sequence[LayerError], photos: int) -> None:
    """Refuse ranges that photos beyond the calibration ones leave too often.

    Args:
        layers: measured on other photos than those that set the ranges.
        photos: how many set them.

    Raises:
        DataError: names the layer.
    """
    most = max(_MOST_SATURATED, _BY_CHANCE * 2 / (photos + 1))
    for layer in layers:
        if layer.saturated > most and layer.operator not in _FIXED:
            raise DataError(
                f"{layer.saturated:.0%} of the numbers of {layer.operator} lie beyond the range that was calibrated",
                where=(layer.name,),
                hint="the calibration photos do not cover what the network sees: more of them, and of every kind",
            )


def explain_disagreement(first: Sequence[LayerError], second: Sequence[LayerError]) -> str:
    """The layer whose range two sets of photos set most unlike, in words; "" where all agree within a factor of 1.5."""
    scales = {layer.name: layer.scale for layer in first}
    factors = [
        (max(layer.scale, scales[layer.name]) / min(layer.scale, scales[layer.name]), layer.name)
        for layer in second
        if layer.scale > 0 and scales.get(layer.name, 0) > 0
    ]
    factor, name = max(factors, default=(1.0, ""))
    return f"the ranges of {name} differ by a factor of {factor:.2f}" if factor > _ALIKE else ""


def _levels(photos: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of every photo's levels: float64 [photos] each."""
    rows = (photos.rows([index]).astype(np.float64) for index in range(len(photos)))
    both = np.array([(row.mean(), row.std()) for row in rows])
    return both[:, 0], both[:, 1]
