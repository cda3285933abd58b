"""Features of a frozen base → predictions of linear heads on photos that they were not trained on.

A head is multinomial logistic regression: the same function as the head that edgetl trains, without its dropout. It
takes a fraction of a second, so many of them can be trained.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from edgetl.core.interrupt import check_interrupt

# Components of the features: fewer values make a head faster.
_COMPONENTS = 256
# Mean squared length of a reduced feature, so that one strength of regularization serves all bases.
_MEAN_SQUARE = 128.0
# Strong regularization: a head without it learns wrong labels, too. Chosen on the photos in docs/inspect.md.
_STRENGTH = 0.1
_ITERATIONS = 300

Features = NDArray[np.floating]
Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


def reduce_features(features: Features) -> Features:
    """Normalize features to one length, reduce them to their principal components, and scale them.

    Labels are not used, so nothing of them leaks into a fold.

    Args:
        features: float32 [photos, channels], at least two photos.

    Returns:
        float64 [photos, components].
    """
    lengths = normalize(features.astype(np.float64))
    components = min(_COMPONENTS, *lengths.shape)
    # Where all photos are equal, the variance that scikit-learn divides by is 0.
    if not np.ptp(lengths, axis=0).any():
        return np.zeros((len(lengths), components))
    with threadpool_limits(1):
        reduced = PCA(components, svd_solver="randomized", random_state=0).fit_transform(lengths)
    mean_square = float((reduced**2).sum(axis=1).mean())
    return reduced * np.sqrt(_MEAN_SQUARE / mean_square)


def train_head(features: Features, labels: Labels, classes: int) -> Callable[[Features], Scores]:
    """Train a head; return its function from features [photos, components] to probabilities [photos, classes].

    A class without photos has the probability 0.
    """
    check_interrupt()
    present = np.unique(labels)
    if len(present) == 1:
        return lambda rows: np.tile(np.eye(classes)[present[0]], (len(rows), 1))
    # Several threads for one small head lose tens of times more to waiting than they gain.
    with threadpool_limits(1):
        head = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS).fit(features, labels)

    def predict(rows: Features) -> Scores:
        scores = np.zeros((len(rows), classes))
        if len(rows):
            scores[:, head.classes_] = head.predict_proba(rows)
        return scores

    return predict


def predict_out_of_fold(
    features: Features,
    labels: Labels,
    divisions: Sequence[Labels],
    trained: NDArray[np.bool_] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Predict each photo by heads that were not trained on its fold, and average over several divisions into folds.

    Args:
        features: from `reduce_features`.
        labels: int [photos], 0..classes-1; every class has a photo.
        divisions: int [photos] each, the fold of each photo.
        trained: the photos that heads are trained on; None for all. All are predicted.
        advance: called with 1 after each head.

    Returns:
        float64 [photos, classes].
    """
    classes = int(labels.max()) + 1
    scores = np.zeros((len(labels), classes))
    for folds in divisions:
        for fold in np.unique(folds):
            training = (folds != fold) if trained is None else (folds != fold) & trained
            if not training.any():
                # One group contains everything: nothing is known of it.
                scores[folds == fold] += 1 / classes
            else:
                rows = folds == fold
                scores[rows] += train_head(features[training], labels[training], classes)(features[rows])
            advance(1)
    return scores / len(divisions)
