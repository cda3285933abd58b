"""Calibration photos → nothing, or an error that states what is wrong with them or with their ranges.

Activation ranges from bad photos give a file that runs and predicts badly, and no converter warns. The audit finds the
mistakes that are common in practice: photos of the test part, one photo repeated, a single class, noise or black frames
instead of photos.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from edgetl.core.errors import DataError, StageError
from edgetl.core.evaluation import metrics
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Dataset, InputSpec, LayerError, Photo

# A photo whose pixel values deviate less than this from their mean is blank: a lens cap, a failed capture.
_BLANK_DEVIATION = 2.0
_LARGEST_BLANK_FRACTION = 0.1
# Allowed distance of the means and deviations of pixel values from those of the training photos. Two samples of 500
# flower photos differ by less than 2; noise, darkness and a wrong scaling make a difference of 30 and more.
_LARGEST_DIFFERENCE = 16.0
_SAMPLING_ERRORS = 4.0
# Mean and deviation of 1000 photos are known better than the audit needs.
_COMPARED_PHOTOS = 1000
# If other photos exceed a range more often, the calibration photos do not resemble them. The minimum and maximum of n
# values are exceeded by 2 / (n + 1) of all further values on average, so more is allowed after few photos.
_LARGEST_SATURATION = 0.05
_CHANCE_FACTOR = 3.0
# TFLite fixes the output ranges of these operators. Source: TFLite 8-bit quantization specification.
_FIXED_RANGE_OPERATORS = frozenset({"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"})
# Two disjoint sets of good photos give scales within this factor of each other.
_LARGEST_SCALE_FACTOR = 1.5

_LEVELS = np.arange(256.0)

_HINT = "[convert] calibration_photos draws them from the training part, the classes in turn"


def audit_calibration(photos: Sequence[Photo], dataset: Dataset, input_spec: InputSpec) -> Pixels:
    """Open the pixels of photos after checking that they may set activation ranges.

    Raises:
        DataError: see `audit_photos` and `audit_pixels`; or photos that are not in the cache any more.
    """
    audit_photos(photos, dataset)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    # The training part is sorted by class: evenly spaced photos sample every class.
    rows = metrics.sample_evenly(len(dataset.train), _COMPARED_PHOTOS)
    training = pixel_store.open_pixels([dataset.train[row].sha256 for row in rows], input_spec)
    audit_pixels(pixels, training)
    return pixels


def audit_photos(photos: Sequence[Photo], dataset: Dataset) -> None:
    """Check that calibration photos are distinct training photos of all classes.

    Raises:
        DataError: no photo, a photo of another part, the same photo twice, or too few photos of a class.
    """
    if not photos:
        raise DataError("no calibration photos", where=(dataset.root,), hint=_HINT)
    for part in ("test", "validation"):
        sha256s = {photo.sha256 for photo in dataset.part(part)}
        for photo in photos:
            if photo.sha256 in sha256s:
                raise DataError(f"a calibration photo is in the {part} part", where=(photo.path,), hint=_HINT)
    train = {photo.sha256 for photo in dataset.train}
    for photo in photos:
        if photo.sha256 not in train:
            raise DataError("a calibration photo is not a training photo", where=(photo.path,), hint=_HINT)
    counts = Counter(photo.sha256 for photo in photos)
    for photo in photos:
        if counts[photo.sha256] > 1:
            raise DataError(f"a calibration photo occurs {counts[photo.sha256]} times", where=(photo.path,))
    available, present = Counter(photo.label for photo in dataset.train), Counter(photo.label for photo in photos)
    for label, name in enumerate(dataset.classes):
        # An equal share of the photos is expected, or the share of the class in the training part if that is smaller.
        expected = min(len(photos) / len(dataset.classes), len(photos) * available[label] / len(dataset.train))
        if present[label] < expected / 2 - 1:
            raise DataError(
                f"only {present[label]} of {len(photos)} calibration photos are of class {name}",
                where=(dataset.root,),
                hint=_HINT,
            )


def audit_pixels(calibration: Pixels, training: Pixels) -> None:
    """Check that calibration photos resemble training photos in the mean and deviation of their pixel values.

    Args:
        calibration: uint8 [photos, height, width, 3].
        training: uint8 [photos, height, width, 3], training photos to compare with.

    Raises:
        DataError: blank photos, or pixel values unlike those of the training photos.
    """
    means, deviations = _measure_photos(calibration)
    blank = float(np.mean(deviations < _BLANK_DEVIATION))
    training_means, training_deviations = _measure_photos(training)
    # Training photos may be blank as well, such as those of a class "nothing".
    training_blank = float(np.mean(training_deviations < _BLANK_DEVIATION))
    if blank > max(_LARGEST_BLANK_FRACTION, 2 * training_blank):
        raise DataError(f"{blank:.0%} of the calibration photos are of one colour")
    for statistic, values, expected in (
        ("mean", means, training_means),
        ("deviation", deviations, training_deviations),
    ):
        sampling_error = _SAMPLING_ERRORS * float(np.std(expected)) / np.sqrt(len(values))
        difference = abs(float(np.mean(values)) - float(np.mean(expected)))
        if difference > max(_LARGEST_DIFFERENCE, sampling_error):
            raise DataError(
                f"calibration photos are unlike the training photos: their pixel values have a {statistic} of "
                f"{np.mean(values):.0f}, those of the training photos of {np.mean(expected):.0f}"
            )


def audit_ranges(layers: Sequence[LayerError], photos: int) -> None:
    """Check that other photos rarely exceed the activation ranges.

    Args:
        layers: errors of the layers, measured on photos that did not set the ranges.
        photos: number of photos that set the ranges.

    Raises:
        StageError: names the layer. Methods without activation ranges can still make a file.
    """
    limit = max(_LARGEST_SATURATION, _CHANCE_FACTOR * 2 / (photos + 1))
    for layer in layers:
        if layer.saturated > limit and layer.operator not in _FIXED_RANGE_OPERATORS:
            raise StageError(
                f"{layer.saturated:.0%} of the outputs of {layer.operator} are outside its calibrated range",
                where=(layer.name,),
                hint="the calibration photos do not represent the photos: use more of them, of every kind",
            )


def explain_disagreement(first: Sequence[LayerError], second: Sequence[LayerError]) -> str:
    """Name the layer whose ranges from two sets of photos differ most; "" if all agree within a factor of 1.5."""
    first_scales = {layer.name: layer.scale for layer in first}
    factors = [
        (max(layer.scale, first_scales[layer.name]) / min(layer.scale, first_scales[layer.name]), layer.name)
        for layer in second
        if layer.scale > 0 and first_scales.get(layer.name, 0) > 0
    ]
    factor, name = max(factors, default=(1.0, ""))
    return f"the ranges of {name} differ by a factor of {factor:.2f}" if factor > _LARGEST_SCALE_FACTOR else ""


def _measure_photos(photos: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of the pixel values of each photo: float64 [photos] each."""
    # How often each level occurs has all that is needed, and takes a quarter of the time of floats.
    counts = [np.bincount(photos.rows([row]).ravel(), minlength=_LEVELS.size) for row in range(len(photos))]
    shares = np.array(counts) / np.sum(counts, axis=1, keepdims=True)
    means = shares @ _LEVELS
    return means, np.sqrt((shares * (_LEVELS - means[:, None]) ** 2).sum(axis=1))
