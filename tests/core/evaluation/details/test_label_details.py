"""label_details.py: changes, counts and flips of labels, computed by hand."""

import numpy as np
import pytest

from edgetl.core.evaluation.details.label_details import LabelDetails
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.records import Photo
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.several_labels import SeveralLabels

TRUTH = [(1, 0), (1, 1), (0, 0), (0, 1)]
REFERENCE = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.4], [0.2, 0.6]])
# Loses label a of the second photo, and finds label b, from a score of 0.3, on the third.
ARTIFACT = np.array([[0.9, 0.1], [0.4, 0.7], [0.1, 0.29], [0.2, 0.6]])


@pytest.fixture
def details() -> LabelDetails:
    photos = tuple(Photo(path=f"{row}.jpg", label=0, sha256="", labels=labels) for row, labels in enumerate(TRUTH))
    scores = ScoredPhotos(
        method="int8",
        artifact_sha256="x",
        part="test",
        photos=photos,
        classes=("a", "b"),
        reference=REFERENCE,
        artifact=ARTIFACT,
        host_ms=0.0,
        host_disturbed=False,
        task=SeveralLabels((0.5, 0.3)),
    )
    return LabelDetails(scores, list_labels(photos))


def test_right_decisions_about_each_label(details):
    changes = [(row.name, row.photos, row.reference_accuracy, row.accuracy) for row in details.compare()]
    assert changes == [("a", 4, 1.0, 0.75), ("b", 4, 0.75, 1.0)]


def test_counts_of_each_label(details):
    counts = [(row.photos, row.correct, row.predicted) for row in details.count()]
    assert counts == [(2, 1, 1), (2, 2, 2)]


def test_flips_name_photo_and_label(details):
    flips = [(flip.path, flip.label, flip.truth, flip.reference, flip.artifact) for flip in details.list_flips()]
    assert flips == [
        ("1.jpg", "a", "present", "present", "absent"),
        ("2.jpg", "b", "absent", "present", "absent"),
    ]


def test_right_decisions_about_a_photo_are_one_cluster(details):
    assert details.measure_design_effect([""] * 4) > 1
