"""scored_photos.py: without another task, a photo has one class."""

import numpy as np

from edgetl.core.evaluation.details.scored_photos import ScoredPhotos


def test_photos_have_one_class_by_default():
    scores = ScoredPhotos(
        method="int8",
        artifact_sha256="x",
        part="test",
        photos=(),
        classes=("a", "b"),
        reference=np.zeros((0, 2)),
        artifact=np.zeros((0, 2)),
        host_ms=0.0,
        host_disturbed=False,
    )
    assert scores.task.thresholds == ()
