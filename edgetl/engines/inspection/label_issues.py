"""Labels and out-of-fold predictions → the photos whose labels are likely wrong, by confident learning."""

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

from edgetl.engines.inspection.heads import Features, Labels, Scores, predict_out_of_fold


def rank_label_issues(labels: Labels, scores: Scores) -> tuple[Labels, NDArray[np.float64]]:
    """Rank the photos whose labels are likely wrong, the most likely one first.

    Confident learning estimates how many labels of each class are wrong: a photo counts as another class if the
    probability of that class reaches the mean of its own photos. As many photos are returned, those with the lowest
    probability of their label.

    Args:
        labels: int [photos], 0..classes-1; every class has a photo.
        scores: float [photos, classes], out-of-fold probabilities.

    Returns:
        int64 [issues], rows, and float64 [photos], the probability of the label of each photo.

    Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning", JAIR 2021; cleanlab 2.9.
    """
    # One process: the count takes milliseconds.
    rows = find_label_issues(
        labels,
        scores,
        filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    quality = get_label_quality_scores(labels, scores, method="self_confidence")
    return np.asarray(rows, np.int64), np.asarray(quality, np.float64)


def find_wrong_labels(
    features: Features, labels: Labels, divisions: tuple[Labels, ...]
) -> tuple[Labels, NDArray[np.float64], Scores]:
    """Find likely wrong labels in two rounds.

    Heads of the first round learn wrong labels, too. Those of the second are trained without the photos that the first
    round suspects, and predict all.

    Args:
        features: from `heads.reduce_features`.
        labels: int [photos], 0..classes-1; every class has a photo.
        divisions: see `heads.predict_out_of_fold`.

    Returns:
        Rows and qualities of `rank_label_issues`, and the scores of the second round: float [photos, classes].
    """
    first, _ = rank_label_issues(labels, predict_out_of_fold(features, labels, divisions))
    trusted = np.ones(len(labels), bool)
    trusted[first] = False
    scores = predict_out_of_fold(features, labels, divisions, trusted)
    rows, quality = rank_label_issues(labels, scores)
    # Where a label is also the prediction, no better one can be suggested.
    return rows[scores[rows].argmax(axis=1) != labels[rows]], quality, scores
