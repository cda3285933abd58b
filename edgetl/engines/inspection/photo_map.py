"""Features → a place for each photo on a map, where similar photos are close: t-SNE of scikit-learn."""

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from edgetl.core.interrupt import check_interrupt
from edgetl.engines.inspection.heads import Features

# A page with more dots is too large, and one thread takes seconds for so many.
MOST_PHOTOS = 1000
_COMPONENTS = 50
_PERPLEXITY = 30.0
_ITERATIONS = 500


def draw_photo_map(features: Features) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Place photos on a map. At most 1000 of them are on it, drawn by chance with a fixed seed.

    Args:
        features: from `heads.reduce_features`, principal components in order.

    Returns:
        int64 [placed], rows in order, and float64 [placed, 2], places in 0..1.
    """
    rows = np.arange(len(features))
    if len(rows) > MOST_PHOTOS:
        rows = np.sort(np.random.default_rng(1).choice(len(features), MOST_PHOTOS, replace=False))
    # Below, t-SNE has no neighbours to keep.
    if len(rows) < 5 or not np.ptp(features, axis=0).any():
        return rows, np.full((len(rows), 2), 0.5)
    check_interrupt()
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    with threadpool_limits(1):
        # Principal components as a start: the map of the same photos is the same again.
        tsne = TSNE(init="pca", perplexity=perplexity, max_iter=_ITERATIONS, random_state=1)
        places = tsne.fit_transform(features[rows, :_COMPONENTS].astype(np.float32)).astype(np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    return rows, (places - low) / np.where(high > low, high - low, 1)
