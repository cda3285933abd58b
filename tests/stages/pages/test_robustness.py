"""Corrupted validation photos, predicted by Keras and by the file."""

import pytest

from edgetl.core.evaluation import metrics
from edgetl.core.robustness.records import RobustnessRequest
from edgetl.stages.pages import robustness as stage
from edgetl.stages.pages.robustness import measure_robustness


@pytest.fixture
def request_robustness(built, delivered, shared_dataset):
    return RobustnessRequest(
        trained=built.trained,
        artifact=delivered.artifact,
        dataset=shared_dataset,
        kernels="xnnpack",
        confidence=0.95,
        seed=1,
    )


def test_photos_as_they_are_come_first_and_each_corruption_has_three_severities(
    request_robustness, built, delivered, make_work, counting_console
):
    result = measure_robustness(make_work(counting_console), request_robustness)
    photos = len(request_robustness.dataset.validation)
    assert result.photos == result.total == photos
    assert list(counting_console.bars.values()) == [[2 * 19 * photos, 2 * 19 * photos]]
    assert [row.severity for row in result.results] == [0, *[1, 3, 5] * 6]
    # The verdict on the validation photos has judged the same predictions.
    verdict = next(row.validation for row in delivered.candidates if row.artifact.sha256 == delivered.artifact.sha256)
    clean = result.clean
    assert (clean.drop, clean.drop_low, clean.drop_high) == (verdict.drop, verdict.drop_low, verdict.drop_high)
    assert clean.comparison.accuracy == verdict.accuracy and clean.comparison.broke == verdict.broke
    # These photos are told apart by their colours: noise at severity 5 hides them.
    assert min(row.comparison.reference_accuracy for row in result.results) < clean.comparison.reference_accuracy


def test_photos_are_drawn_by_the_seed(request_robustness, make_work, monkeypatch):
    monkeypatch.setattr(stage, "MOST_PHOTOS", 8)
    monkeypatch.setattr(stage, "_PLACES", (None, (2, 2)))
    seen = []
    compare = metrics.compare_scores
    monkeypatch.setattr(metrics, "compare_scores", lambda labels, *rest: seen.append(labels) or compare(labels, *rest))
    first, second = (measure_robustness(make_work(), request_robustness) for _ in range(2))
    assert first == second and first.photos == 8 < first.total and len(seen) == 4
    assert all(len(labels) == 8 for labels in seen)
