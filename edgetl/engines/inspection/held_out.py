"""Predictions of a model for photos that it was not trained on → those whose labels are likely wrong."""

import numpy as np

from edgetl.engines.inspection.heads import Labels, Scores
from edgetl.engines.inspection.label_issues import rank_label_issues


def find_held_out_suspects(labels: Labels, scores: Scores) -> list[tuple[int, int, float]]:
    """Find likely wrong labels, the most likely first.

    Args:
        labels: int [photos], 0..classes-1; a class may have no photo.
        scores: float [photos, classes], probabilities.

    Returns:
        Position of the photo, the predicted class, and the probability of its label.
    """
    present, places = np.unique(labels, return_inverse=True)
    # Confident learning needs photos of each class: a model made elsewhere may have others, too.
    known = np.asarray(scores[:, present], np.float64)
    sums = known.sum(axis=1, keepdims=True)
    # Where the model is certain of a class without photos, nothing is known of the others.
    judged = sums[:, 0] > 0
    if len(present) < 2:
        return []
    rows, quality = rank_label_issues(places, np.where(sums > 0, known / np.where(sums > 0, sums, 1), 1 / len(present)))
    predicted = present[known.argmax(axis=1)]
    # Where a label is also the prediction, no better one can be suggested.
    return [
        (row, int(predicted[row]), float(quality[row]))
        for row in rows.tolist()
        if judged[row] and predicted[row] != labels[row]
    ]
