"""label_quality.py: precision, recall and balanced accuracy by hand, and the warnings about labels."""

import pytest

from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.evaluation.quality.label_quality import LabelFacts, assess_labels, warn_about_labels
from edgetl.core.evaluation.quality.model_quality import Tally


def count(name: str, photos: int, correct: int, predicted: int) -> ClassCount:
    return ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)


def assess(*counts: ClassCount, photos: int = 200, validation: LabelFacts | None = None):
    right = sum(photos - row.photos - row.predicted + 2 * row.correct for row in counts)
    accuracy = right / (photos * len(counts))
    facts = LabelFacts(photos, (0.5,) * len(counts), Tally(accuracy * photos, photos), balanced_accuracy=0.75)
    return assess_labels(counts, facts, part="test", confidence=0.95, validation=validation)


def list_kinds(quality) -> list[str]:
    return [warning.kind for warning in quality.warnings]


def test_numbers_of_each_label():
    quality = assess(count("a", 100, 90, 95), count("b", 20, 10, 10))
    a, b = quality.labels
    assert (a.precision, a.recall, a.balanced_accuracy) == pytest.approx((90 / 95, 0.9, (0.9 + 0.95) / 2))
    assert (b.precision, b.recall, b.balanced_accuracy) == pytest.approx((1.0, 0.5, 0.75))
    # 15 wrong decisions about a, 10 about b.
    assert (
        quality.accuracy == pytest.approx(1 - 25 / 400)
        and quality.accuracy_low < quality.accuracy < quality.accuracy_high
    )
    assert quality.majority_accuracy == pytest.approx((100 + 180) / 400) and list_kinds(quality) == []


def test_label_that_is_never_found_is_a_warning():
    quality = assess(count("a", 100, 95, 100), count("rare", 10, 0, 0))
    (warning,) = [row for row in quality.warnings if row.kind == "never_predicted"]
    assert warning.message == "1 of 2 labels is found on no photo: rare"
    assert quality.labels[1].precision is None and quality.labels[1].balanced_accuracy == 0.5


def test_label_without_photos_is_a_warning_and_has_no_recall():
    quality = assess(count("a", 100, 95, 100), count("gone", 0, 0, 0))
    assert list_kinds(quality) == ["few_class_photos"]
    assert quality.warnings[0].message == "1 of 2 labels is on fewer than 5 test photos: gone (0)"
    assert quality.labels[1].recall is None and quality.labels[1].balanced_accuracy is None


def test_model_that_decides_as_most_photos_are_is_a_warning():
    assert "majority" in list_kinds(assess(count("a", 20, 0, 0), count("b", 20, 0, 0)))


def test_few_photos_and_parts_that_differ_are_warnings():
    validation = LabelFacts(60, (0.5,), Tally(59.0, 60.0), balanced_accuracy=0.7)
    quality = assess(count("a", 40, 20, 40), photos=80, validation=validation)
    assert (quality.balanced_accuracy, quality.validation_balanced_accuracy) == (0.75, 0.7)
    assert quality.balanced_accuracy_low is None and quality.balanced_accuracy_high is None
    assert quality.validation_photos == 60 and quality.validation_accuracy == pytest.approx(59 / 60)
    assert list_kinds(quality)[-3:] == ["few_photos", "few_photos", "parts_differ"]
    assert "0.9833 of the decisions about validation photos are right, and 0.5000" in quality.warnings[-1].message


def test_warnings_name_the_labels_with_the_fewest_photos_first():
    warnings = warn_about_labels([count("a", 4, 4, 4), count("b", 50, 40, 50), count("c", 0, 0, 2)], "validation")
    assert [(row.kind, row.message) for row in warnings] == [
        ("few_class_photos", "2 of 3 labels are on fewer than 5 validation photos: c (0), a (4)")
    ]
