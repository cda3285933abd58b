"""Features → which photos are predicted right by heads that were trained on fewer and fewer photos."""

from collections.abc import Callable, Sequence

import numpy as np

from edgetl.core.inspection.learning_curves import SubsetPredictions
from edgetl.engines.inspection.heads import Features, Labels, train_head

FRACTIONS = (0.1, 0.2, 0.35, 0.6, 1.0)


def predict_by_subsets(
    features: Features,
    labels: Labels,
    groups: Labels,
    divisions: Sequence[Labels],
    advance: Callable[[int], None] = lambda _: None,
) -> SubsetPredictions:
    """Train heads on subsets of the photos outside each fold, and predict the photos of the fold.

    Args:
        features: from `heads.reduce_features`.
        labels: int [photos], 0..classes-1.
        groups: int [photos]; a subset has whole groups.
        divisions: int [photos] each, folds; each division is another draw of the subsets.
        advance: called with 1 after each head.
    """
    classes = int(labels.max()) + 1
    right = np.zeros((len(divisions), len(FRACTIONS), len(labels)), bool)
    sizes = np.zeros((len(divisions), len(FRACTIONS)))
    for draw, folds in enumerate(divisions):
        # A place of each group in a random order: a subset is the groups before a place.
        generator = np.random.default_rng(draw)
        _, numbers = np.unique(groups, return_inverse=True)
        order = generator.permutation(int(numbers.max()) + 1)[numbers]
        names = np.unique(folds)
        for fold in names:
            test = folds == fold
            # Within each class, so that a small class is in every subset.
            ranks = _rank_in_classes(order, labels, ~test)
            for place, fraction in enumerate(FRACTIONS):
                training = ~test & (ranks < fraction)
                sizes[draw, place] += training.sum() / len(names)
                scores = train_head(features[training], labels[training], classes)(features[test])
                right[draw, place, test] = scores.argmax(axis=1) == labels[test]
                advance(1)
    return SubsetPredictions(photos=np.rint(sizes.mean(axis=0)).astype(np.int64), right=right)


def _rank_in_classes(order: Labels, labels: Labels, selected: np.ndarray) -> np.ndarray:
    """Return the rank of each selected photo in its class as a fraction, below 1; 1 for the others."""
    ranks = np.ones(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(selected & (labels == label))
        # Photos of one group have one place, and so equal ranks.
        values, first = np.unique(np.sort(order[rows]), return_index=True)
        ranks[rows] = first[np.searchsorted(values, order[rows])] / max(1, len(rows))
    return ranks
