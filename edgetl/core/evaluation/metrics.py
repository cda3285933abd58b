"""Accuracy, agreement and calibration of scores: scores and labels of the same photos in, plain numbers out.

The predicted class of a photo is the one with the highest score; of equal scores, the lowest index, for every model.
Where a photo may have several labels, there is a decision about each of them: see `core.tasks`.
"""

from collections.abc import Sequence

import numpy as np

from edgetl.core.evaluation.design_effect import measure_design_effect, number_groups
from edgetl.core.rejection.reliability import ReliabilityBin, compute_reliability_gap, tabulate_reliability
from edgetl.core.rejection.temperature import undo_temperature
from edgetl.core.tasks.one_class import OneClass
from edgetl.core.tasks.task import PhotoTask
from edgetl.core.verdict_records import Comparison

ONE_CLASS = OneClass()
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
    check_scores(scores, "scores")
    return np.asarray(scores.argmax(axis=1))


def compute_accuracy(scores: np.ndarray, labels: np.ndarray, task: PhotoTask = ONE_CLASS) -> float:
    """Compute the fraction of photos that are predicted correctly, or of right decisions about labels, 0..1.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1; or int [photos, labels] of 0 and 1.
        task: what is decided.

    Raises:
        ValueError: see `predict_classes`, or labels that do not fit the scores.
    """
    return float(find_correct(scores, labels, task).mean())


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
        labels: int [photos], 0..classes-1; or int [photos, labels], where every label is predicted at 0.5.
        bins: number of bins of equal width over 0..1. A bin includes its upper edge and not its lower one; the first
            bin also includes 0.

    Raises:
        ValueError: see `compute_accuracy`; or no bins, or a confidence outside 0..1.

    Source: Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML, equation 3.
    """
    return compute_reliability_gap(tabulate_scores(scores, labels, bins=bins))


def tabulate_scores(
    scores: np.ndarray, labels: np.ndarray, *, bins: int = 15, temperature: float = 1.0
) -> tuple[ReliabilityBin, ...]:
    """Tabulate how often predictions of a confidence are right: see `compute_calibration_error`.

    Args:
        scores: float [photos, classes].
        labels: int [photos], or int [photos, labels].
        bins: number of bins of equal width.
        temperature: the confidences are those without this temperature, which the scores contain.

    Raises:
        ValueError: see `compute_calibration_error`.
    """
    if bins < 1:
        raise ValueError(f"calibration error needs at least one bin, not {bins}")
    if labels.ndim == 2:
        # A label is a question with two answers, whose probabilities sum to 1.
        scores, labels = _split_labels(scores), labels.ravel()
    correct = find_correct(scores, labels)
    if temperature != 1:
        scores = undo_temperature(scores, temperature)
    confidence = scores.max(axis=1).astype(np.float64)
    outside = np.flatnonzero((confidence < 0) | (confidence > 1 + LARGEST_EXCESS))
    if outside.size:
        raise ValueError(f"the highest score in row {outside[0]} is {confidence[outside[0]]:g}, not a probability")
    return tabulate_reliability(confidence, correct, bins=bins)


def compare_scores(
    labels: np.ndarray,
    reference: np.ndarray,
    candidate: np.ndarray,
    groups: Sequence[str] = (),
    task: PhotoTask = ONE_CLASS,
) -> Comparison:
    """Compare the predictions of two models for the same photos.

    Args:
        labels: int [photos], 0..classes-1; or int [photos, labels] of 0 and 1.
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.
        groups: name of the group of each photo, "" for a photo without one; empty if no photo has one.
        task: what is decided about a photo.

    Raises:
        ValueError: no photos, shapes that do not match, a label without a class, or a score that is NaN or infinite;
            the message names the row.
    """
    _check_pair(reference, candidate)
    reference_correct = find_correct(reference, labels, task)
    candidate_correct = find_correct(candidate, labels, task)
    # In float64: a difference of two float16 scores can overflow.
    difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
    clusters = task.number_clusters(groups, len(labels))
    differences = (reference_correct.astype(np.int64) - candidate_correct).ravel()
    return Comparison(
        photos=len(labels),
        labels=len(task.thresholds),
        reference_accuracy=float(reference_correct.mean()),
        accuracy=float(candidate_correct.mean()),
        reference_balanced_accuracy=_average_recalls(reference_correct, labels),
        balanced_accuracy=_average_recalls(candidate_correct, labels),
        broke=int(np.count_nonzero(reference_correct & ~candidate_correct)),
        fixed=int(np.count_nonzero(candidate_correct & ~reference_correct)),
        agreement=float((task.decide(reference) == task.decide(candidate)).mean()),
        worst_difference=float(difference.max()),
        groups=len(np.unique(number_groups(groups))) if any(groups) else 0,
        design_effect=1.0 if clusters is None else measure_design_effect(differences, clusters),
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


def find_correct(scores: np.ndarray, labels: np.ndarray, task: PhotoTask = ONE_CLASS) -> np.ndarray:
    """Return which decisions are right: bool of the shape of the labels.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1; or int [photos, labels] of 0 and 1.
        task: what is decided about a photo.

    Raises:
        ValueError: see `predict_classes`, or labels that do not fit the scores.
    """
    if task.thresholds:
        check_scores(scores, "scores")
        if labels.shape != scores.shape:
            raise ValueError(f"labels are {list(labels.shape)} for scores {list(scores.shape)}")
        return np.asarray(task.decide(scores) == labels)
    predictions = predict_classes(scores)
    if labels.shape != predictions.shape or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are int [{len(predictions)}], not {labels.dtype} {list(labels.shape)}")
    invalid = np.flatnonzero((labels < 0) | (labels >= scores.shape[1]))
    if invalid.size:
        row = invalid[0]
        raise ValueError(f"the label in row {row} is {labels[row]}, and there are {scores.shape[1]} classes")
    return np.asarray(predictions == labels)


def _split_labels(scores: np.ndarray) -> np.ndarray:
    """Turn the score of each label into two columns: float [photos * labels, 2]."""
    flat = scores.reshape(-1, 1)
    return np.concatenate([1 - flat, flat], axis=1)


def _average_recalls(correct: np.ndarray, labels: np.ndarray) -> float:
    """Return the balanced accuracy, or the mean over labels of theirs.

    The balanced accuracy of a label is known only if some photos have it and others do not. Where that is so of no
    label, the mean is that of the right decisions on photos with labels, or without them.
    """
    if labels.ndim == 2:
        mixed = (labels.min(axis=0) == 0) & (labels.max(axis=0) == 1)
        columns = np.flatnonzero(mixed if mixed.any() else np.ones_like(mixed))
        return float(np.mean([_average_recalls(correct[:, column], labels[:, column]) for column in columns]))
    photos = np.bincount(labels)
    present = photos > 0
    return float((np.bincount(labels, weights=correct)[present] / photos[present]).mean())


def _check_pair(reference: np.ndarray, candidate: np.ndarray) -> None:
    check_scores(reference, "reference scores")
    check_scores(candidate, "candidate scores")
    if reference.shape != candidate.shape:
        raise ValueError(f"reference is {list(reference.shape)} and candidate is {list(candidate.shape)}")


def check_scores(scores: np.ndarray, name: str) -> None:
    """Check that scores are finite floats [photos, classes], at least one.

    Raises:
        ValueError: they are not; the message names the row.
    """
    if scores.ndim != 2 or not np.issubdtype(scores.dtype, np.floating):
        raise ValueError(f"{name} are float [photos, classes], not {scores.dtype} {list(scores.shape)}")
    if scores.size == 0:
        raise ValueError(f"{name} are empty: {list(scores.shape)}")
    invalid = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if invalid.size:
        raise ValueError(f"{name} of the photo in row {invalid[0]} are not finite ({invalid.size} such photos)")
