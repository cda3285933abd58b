"""Accuracy, agreement and calibration of scores: scores and labels of the same photos in, plain numbers out.

The predicted class of a photo is the one with the highest score; of equal scores, the lowest index, for every model.
"""

from collections.abc import Sequence

import numpy as np

from edgetl.core.evaluation.design_effect import measure_design_effect, number_groups
from edgetl.core.verdict_records import Comparison

# A quantized softmax or sigmoid may exceed 1 by one step of its output scale, 1/255 at most.
LARGEST_EXCESS = 0.01


def predict_classes(scores: np.ndarray) -> np.ndarray:
    """Return the predicted class of each photo.

    Args:
        scores: float [photos, classes], finite.

    Returns:
        int [photos], the index of the highest score; of equal ones the lowest index.

    Raises:
        ValueError: no photos, not [photos, classes], or a score that is NaN or infinite; the message names the row.
    """
    _check_scores(scores, "scores")
    return np.asarray(scores.argmax(axis=1))


def compute_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute the fraction of photos that are predicted correctly, 0..1.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1.

    Raises:
        ValueError: see `predict_classes`, or labels that do not fit the scores.
    """
    return float(find_correct(scores, labels).mean())


def compute_class_accuracy(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the fraction of photos of each class that are predicted correctly (its recall).

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1.

    Returns:
        float64 [classes], 0..1; NaN for a class without photos.

    Raises:
        ValueError: see `compute_accuracy`.
    """
    correct = find_correct(scores, labels)
    classes = scores.shape[1]
    photos = np.bincount(labels, minlength=classes)
    correct_photos = np.bincount(labels[correct], minlength=classes)
    return np.asarray(np.divide(correct_photos, photos, out=np.full(classes, np.nan), where=photos > 0))


def sample_evenly(total: int, count: int) -> np.ndarray:
    """Return the indices of at most `count` of `total` photos, evenly spaced: int64 [indices], ascending.

    The photos of a part are sorted by class, so every class is sampled.
    """
    return np.arange(total) if count >= total else np.linspace(0, total - 1, count).round().astype(np.int64)


def expand_sigmoid(scores: np.ndarray) -> np.ndarray:
    """Turn the one column of a sigmoid, p, into two columns, (1 - p, p); other scores are returned unchanged.

    Args:
        scores: float [photos, 1] or [photos, classes].

    Returns:
        float [photos, classes].
    """
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def find_flips(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Find the photos for which reference and candidate predict different classes.

    Args:
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.

    Returns:
        int [flips], indices of photos, ascending.

    Raises:
        ValueError: see `predict_classes`, or shapes that differ.
    """
    _check_pair(reference, candidate)
    return np.flatnonzero(predict_classes(reference) != predict_classes(candidate))


def compute_agreement(reference: np.ndarray, candidate: np.ndarray) -> float:
    """Compute the fraction of photos for which reference and candidate predict the same class, 0..1.

    Args:
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.

    Raises:
        ValueError: see `find_flips`.
    """
    return 1 - len(find_flips(reference, candidate)) / len(reference)


def compute_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Compute the expected calibration error: the mean over photos of |accuracy - confidence| of their bin, 0..1.

    Args:
        scores: float [photos, classes], probabilities; the confidence of a prediction is the highest of them.
        labels: int [photos], 0..classes-1.
        bins: number of bins of equal width over 0..1. A bin includes its upper edge and not its lower one; the first
            bin also includes 0.

    Raises:
        ValueError: see `compute_accuracy`; or no bins, or a confidence outside 0..1.

    Source: Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML, equation 3.
    """
    if bins < 1:
        raise ValueError(f"calibration error needs at least one bin, not {bins}")
    correct = find_correct(scores, labels)
    confidence = scores.max(axis=1).astype(np.float64)
    outside = np.flatnonzero((confidence < 0) | (confidence > 1 + LARGEST_EXCESS))
    if outside.size:
        raise ValueError(f"the highest score in row {outside[0]} is {confidence[outside[0]]:g}, not a probability")
    inner_edges = np.linspace(0, 1, bins + 1)[1:-1]
    # side="left" puts a confidence that equals an edge into the bin below it.
    bin_of_photo = np.searchsorted(inner_edges, confidence, side="left")
    # In a bin, photos * (accuracy - confidence) is the sum of (correct - confidence).
    differences = np.bincount(bin_of_photo, weights=correct - confidence, minlength=bins)
    return float(np.abs(differences).sum() / len(scores))


def compare_scores(
    labels: np.ndarray, reference: np.ndarray, candidate: np.ndarray, groups: Sequence[str] = ()
) -> Comparison:
    """Compare the predictions of two models for the same photos.

    Args:
        labels: int [photos], 0..classes-1.
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.
        groups: name of the group of each photo, "" for a photo without one; empty if no photo has one.

    Raises:
        ValueError: no photos, shapes that do not match, a label without a class, or a score that is NaN or infinite;
            the message names the row.
    """
    agreement = compute_agreement(reference, candidate)
    reference_correct = find_correct(reference, labels)
    candidate_correct = find_correct(candidate, labels)
    # In float64: a difference of two float16 scores can overflow.
    difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
    numbers = number_groups(groups) if any(groups) else None
    differences = reference_correct.astype(np.int64) - candidate_correct
    return Comparison(
        photos=len(labels),
        reference_accuracy=float(reference_correct.mean()),
        accuracy=float(candidate_correct.mean()),
        reference_balanced_accuracy=_average_recalls(reference_correct, labels),
        balanced_accuracy=_average_recalls(candidate_correct, labels),
        broke=int(np.count_nonzero(reference_correct & ~candidate_correct)),
        fixed=int(np.count_nonzero(candidate_correct & ~reference_correct)),
        agreement=agreement,
        worst_difference=float(difference.max()),
        groups=0 if numbers is None else len(np.unique(numbers)),
        design_effect=1.0 if numbers is None else measure_design_effect(differences, numbers),
    )


def compute_balanced_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean of the recalls of the classes that have photos, 0..1.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1.

    Raises:
        ValueError: see `compute_accuracy`.

    Source: Brodersen, Ong, Stephan and Buhmann (2010), The balanced accuracy and its posterior distribution, ICPR.
    """
    return _average_recalls(find_correct(scores, labels), labels)


def find_correct(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for which photos the prediction is correct: bool [photos].

    Raises:
        ValueError: see `compute_accuracy`.
    """
    predictions = predict_classes(scores)
    if labels.shape != predictions.shape or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are int [{len(predictions)}], not {labels.dtype} {list(labels.shape)}")
    invalid = np.flatnonzero((labels < 0) | (labels >= scores.shape[1]))
    if invalid.size:
        row = invalid[0]
        raise ValueError(f"the label in row {row} is {labels[row]}, and there are {scores.shape[1]} classes")
    return np.asarray(predictions == labels)


def _average_recalls(correct: np.ndarray, labels: np.ndarray) -> float:
    photos = np.bincount(labels)
    present = photos > 0
    return float((np.bincount(labels, weights=correct)[present] / photos[present]).mean())


def _check_pair(reference: np.ndarray, candidate: np.ndarray) -> None:
    _check_scores(reference, "reference scores")
    _check_scores(candidate, "candidate scores")
    if reference.shape != candidate.shape:
        raise ValueError(f"reference is {list(reference.shape)} and candidate is {list(candidate.shape)}")


def _check_scores(scores: np.ndarray, name: str) -> None:
    if scores.ndim != 2 or not np.issubdtype(scores.dtype, np.floating):
        raise ValueError(f"{name} are float [photos, classes], not {scores.dtype} {list(scores.shape)}")
    if scores.size == 0:
        raise ValueError(f"{name} are empty: {list(scores.shape)}")
    invalid = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if invalid.size:
        raise ValueError(f"{name} of the photo in row {invalid[0]} are not finite ({invalid.size} such photos)")
