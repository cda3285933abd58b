"""Features of photos that may have several labels → the labels that they likely have by mistake, or lack."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgetl.engines.inspection.heads import Features, Labels
from edgetl.engines.inspection.held_out import find_held_out_suspects
from edgetl.engines.inspection.label_issues import find_wrong_labels

# Position of the photo, index of the label, probability of the decision as it is.
LabelSuspect = tuple[int, int, float]


def judge_decisions(
    features: Features, labels: Labels, divisions: tuple[Labels, ...], advance: Callable[[int], None] = lambda _: None
) -> tuple[list[LabelSuspect], NDArray[np.bool_]]:
    """Judge each label by heads of its own, as a class of its own against all other photos.

    Args:
        features: from `heads.reduce_features`.
        labels: int [photos, labels], 0 or 1.
        divisions: see `heads.predict_out_of_fold`.
        advance: called with 1 after each label.

    Returns:
        The suspects, the most likely one first, and bool [photos, labels], the decisions of the heads.

    Source: A. Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", 2022, for
    confident learning of each label by itself.
    """
    suspects: list[LabelSuspect] = []
    decisions = labels.astype(bool)
    for index in range(labels.shape[1]):
        column = labels[:, index]
        # A label that all photos have, or none, has nothing to be compared with.
        if np.ptp(column):
            rows, quality, scores = find_wrong_labels(features, column, divisions)
            suspects += [(int(row), index, float(quality[row])) for row in rows.tolist()]
            decisions[:, index] = scores[:, 1] >= scores[:, 0]
        advance(1)
    return sorted(suspects, key=lambda suspect: suspect[2]), decisions


def judge_held_out_decisions(labels: Labels, scores: NDArray[np.floating]) -> list[LabelSuspect]:
    """Judge each label by the probabilities of a model that was not trained on these photos.

    Args:
        labels: int [photos, labels], 0 or 1.
        scores: float [photos, labels], probabilities.

    Returns:
        The suspects, the most likely one first.
    """
    suspects = [
        (row, index, score)
        for index in range(labels.shape[1])
        for row, _, score in find_held_out_suspects(
            labels[:, index], np.column_stack([1 - scores[:, index], scores[:, index]])
        )
    ]
    return sorted(suspects, key=lambda suspect: suspect[2])
