"""class_details.py: changes, counts and flips of classes, computed by hand."""

import numpy as np
import pytest

from edgetl.core.evaluation.details.class_details import ClassDetails
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.records import Photo


@pytest.fixture
def details() -> ClassDetails:
    labels = np.array([0, 0, 1])
    return ClassDetails(
        ScoredPhotos(
            method="int8",
            artifact_sha256="x",
            part="test",
            photos=tuple(Photo(path=f"{row}.jpg", label=int(label), sha256="") for row, label in enumerate(labels)),
            classes=("a", "b", "c"),
            reference=np.eye(3)[labels],
            artifact=np.eye(3)[[0, 1, 1]],
            host_ms=0.0,
            host_disturbed=False,
        ),
        labels,
    )


def test_changes_counts_and_flips(details):
    changes = [(row.name, row.photos, row.reference_accuracy, row.accuracy) for row in details.compare()]
    assert changes == [("a", 2, 1.0, 0.5), ("b", 1, 1.0, 1.0)]
    assert [(row.photos, row.correct, row.predicted) for row in details.count()] == [(2, 1, 1), (1, 1, 2), (0, 0, 0)]
    (flip,) = details.list_flips()
    assert (flip.path, flip.truth, flip.reference, flip.artifact, flip.label) == ("1.jpg", "a", "a", "b", "")
    assert details.measure_design_effect(["x", "x", "x"]) == 1.0
