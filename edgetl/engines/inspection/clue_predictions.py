"""A few values of each photo → classes predicted by a linear model that was not trained on the photo."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from edgetl.core.interrupt import check_interrupt
from edgetl.engines.inspection.heads import Labels


def predict_from_clue(values: NDArray[np.float64], labels: Labels, folds: Labels) -> Labels:
    """Predict the class of each photo from values such as its size.

    Args:
        values: float [photos, values], finite.
        labels: int [photos].
        folds: int [photos], the fold of each photo.

    Returns:
        int64 [photos].
    """
    predicted = np.zeros(len(labels), np.int64)
    for fold in np.unique(folds):
        check_interrupt()
        training = folds != fold
        if len(np.unique(labels[training])) < 2:
            predicted[~training] = labels[training][0] if training.any() else 0
            continue
        # All classes count equally, as in the accuracy that is judged.
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500))
        with threadpool_limits(1):
            predicted[~training] = model.fit(values[training], labels[training]).predict(values[~training])
    return predicted
