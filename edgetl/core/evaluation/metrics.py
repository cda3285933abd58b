"""How well scores name the classes: scores and labels of the same photos go in, plain numbers come out.

The class a model names is the one with the highest score; of equal scores the lowest index, for every model alike.
"""

import numpy as np

from edgetl.core.records import Comparison

# A quantized softmax or sigmoid may overstep 1 by one step of its output scale, 1/255 at the coarsest.
OVERSTEP = 0.01


def top1(scores: np.ndarray) -> np.ndarray:
    """The class named for each photo.

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
    """Share of the photos whose class is named, 0..1.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1.

    Raises:
        ValueError: as for `top1`, or labels that do not fit the scores.
    """
    return float(_right(scores, labels).mean())


def compute_class_accuracy(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of each class's photos whose class is named.

    Args:
        scores: float [photos, classes], finite.
        labels: int [photos], 0..classes-1.

    Returns:
        float64 [classes], 0..1; NaN for a class without photos.

    Raises:
        ValueError: as for `accuracy`.
    """
    right = _right(scores, labels)
    classes = scores.shape[1]
    photos = np.bincount(labels, minlength=classes)
    named = np.bincount(labels[right], minlength=classes)
    return np.asarray(np.divide(named, photos, out=np.full(classes, np.nan), where=photos > 0))


def sample_evenly(total: int, count: int) -> np.ndarray:
    """At most `count` of `total` rows, evenly spread over the classes, by which photos stand: int64 [rows]."""
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
    """The photos for which reference and candidate name different classes.

    Args:
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.

    Returns:
        int [flips], rows in ascending order.

    Raises:
        ValueError: as for `top1`, or shapes that differ.
    """
    _check_pair(reference, candidate)
    return np.flatnonzero(top1(reference) != top1(candidate))


def compute_agreement(reference: np.ndarray, candidate: np.ndarray) -> float:
    """Share of the photos for which reference and candidate name the same class, 0..1; raises as `flips` does."""
    return 1 - len(find_flips(reference, candidate)) / len(reference)


def compute_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """How far confidence is from accuracy: the mean over photos of |accuracy - confidence| of the photo's bin, 0..1.

    Args:
        scores: float [photos, classes], probabilities; a photo's confidence is its highest.
        labels: int [photos], 0..classes-1.
        bins: number of bins of equal width over 0..1. A bin owns its upper edge and not its lower one; 0 falls into
            the first bin.

    Raises:
        ValueError: as for `accuracy`, no bins, or a confidence outside 0..1.

    Source: Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML, equation 3.
    """
    if bins < 1:
        raise ValueError(f"calibration error needs at least one bin, not {bins}")
    right = _right(scores, labels)
    confidence = scores.max(axis=1).astype(np.float64)
    outside = np.flatnonzero((confidence < 0) | (confidence > 1 + OVERSTEP))
    if outside.size:
        raise ValueError(f"the highest score in row {outside[0]} is {confidence[outside[0]]:g}, not a probability")
    inner_edges = np.linspace(0, 1, bins + 1)[1:-1]
    home = np.searchsorted(inner_edges, confidence, side="left")
    surplus = np.bincount(home, weights=right - confidence, minlength=bins)
    return float(np.abs(surplus).sum() / len(scores))


def compare_scores(labels: np.ndarray, reference: np.ndarray, candidate: np.ndarray) -> Comparison:
    """What changes between two models on the same photos.

    Args:
        labels: int [photos], 0..classes-1.
        reference: float [photos, classes], finite.
        candidate: float [photos, classes], finite.

    Raises:
        ValueError: no photos, shapes that do not fit, a label without a class, or a score that is NaN or infinite;
            the message names the row.
    """
    same = compute_agreement(reference, candidate)
    reference_right = _right(reference, labels)
    candidate_right = _right(candidate, labels)
    difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
    return Comparison(
        photos=len(labels),
        reference_accuracy=float(reference_right.mean()),
        accuracy=float(candidate_right.mean()),
        broke=int(np.count_nonzero(reference_right & ~candidate_right)),
        fixed=int(np.count_nonzero(candidate_right & ~reference_right)),
        agreement=same,
        worst_difference=float(difference.max()),
    )


def _right(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    named = top1(scores)
    if labels.shape != named.shape or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are int [{len(named)}], not {labels.dtype} {list(labels.shape)}")
    strangers = np.flatnonzero((labels < 0) | (labels >= scores.shape[1]))
    if strangers.size:
        row = strangers[0]
        raise ValueError(f"the label in row {row} is {labels[row]}, and there are {scores.shape[1]} classes")
    return np.asarray(named == labels)


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
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if broken.size:
        raise ValueError(f"{name} of the photo in row {broken[0]} are not finite ({broken.size} such photos)")
