"""The script divides photos by groups, and predicts all of them."""

import numpy as np

from edgetl.core.records import Photo
from tools.measure_learning_curves import _predict


def test_every_photo_is_predicted_at_every_size():
    generator = np.random.default_rng(1)
    photos = [Photo(path="", label=row % 2, sha256=f"{row:064x}") for row in range(60)]
    features = generator.normal(size=(60, 4)) + 3 * np.array([[photo.label] for photo in photos])
    found = _predict(features, photos, np.arange(60), 0)
    assert found.right.shape == (2, 5, 60) and found.photos[-1] == 48 and found.right[:, -1].mean() > 0.9
