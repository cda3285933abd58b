"""model_quality.py: how good a model is, and the warnings of a model that is not."""

import numpy as np
import pytest

from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.evaluation.quality.model_quality import (
    FEWEST_JUDGED_PHOTOS,
    ModelQuality,
    Tally,
    assess_quality,
    explain_low_accuracy,
    select_worst_classes,
)
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds

GOOD = (("daisy", 100, 90, 95), ("rose", 60, 55, 65), ("tulip", 40, 38, 40))


def count(*rows: tuple[str, int, int, int]) -> tuple[ClassCount, ...]:
    return tuple(
        ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)
        for name, photos, correct, predicted in rows
    )


def assess(*rows: tuple[str, int, int, int], validation: Tally | None = None) -> ModelQuality:
    return assess_quality(count(*rows), part="test", confidence=0.95, validation=validation)


def map_warnings(quality: ModelQuality) -> dict[str, str]:
    assert all(warning.hint for warning in quality.warnings)
    return {warning.kind: warning.message for warning in quality.warnings}


def test_good_model_has_no_warning():
    quality = assess(*GOOD, validation=Tally(140, 150))
    assert (quality.photos, quality.accuracy) == (200, 183 / 200)
    assert (quality.accuracy_low, quality.accuracy_high) == compute_wilson_bounds(183, 200, confidence=0.95)
    assert (quality.majority_class, quality.majority_accuracy, quality.chance_accuracy) == ("daisy", 0.5, 1 / 3)
    assert (quality.validation_accuracy, quality.validation_photos) == (140 / 150, 150)
    assert quality.warnings == ()


def test_each_class_has_its_recall_with_bounds():
    quality = assess(*GOOD, ("violet", 0, 0, 3))
    rose, violet = quality.per_class[1], quality.per_class[3]
    assert (rose.recall, rose.predicted) == (55 / 60, 65)
    assert (rose.recall_low, rose.recall_high) == compute_wilson_bounds(55, 60, confidence=0.95)
    # No photo says anything about this class.
    assert (violet.recall, violet.recall_low, violet.recall_high) == (None, 0.0, 1.0)
    assert quality.chance_accuracy == 0.25 and quality.validation_accuracy is None
    assert "never_predicted" not in map_warnings(quality)


def test_quality_is_the_same_after_writing_and_reading(tmp_path):
    quality = assess(("a", 10, 0, 0), ("b", 10, 9, 20))
    assert quality.warnings and ModelQuality.from_json(quality.to_json(tmp_path), tmp_path) == quality


def test_worst_classes_are_those_with_the_lowest_recall():
    quality = assess(*((f"c{number}", 10, number, 10) for number in range(10)), ("none", 0, 0, 0), ("big", 100, 0, 0))
    # Of two classes that are never right, the one with more photos is known better.
    assert [row.name for row in select_worst_classes(quality, 3)] == ["big", "c0", "c1"]
    assert len(select_worst_classes(quality, 100)) == 11


@pytest.mark.parametrize(("correct", "warned"), [(110, True), (114, False)])
def test_accuracy_that_may_be_that_of_the_majority_class_is_a_warning(correct, warned):
    quality = assess(("daisy", 100, 90, 120), ("rose", 100, correct - 90, 80))
    assert (quality.accuracy_low > 0.5) is not warned
    assert ("majority" in map_warnings(quality)) is warned
    if warned:
        assert (
            "not certainly above 0.5000, which always predicting 'daisy' reaches" in map_warnings(quality)["majority"]
        )


def test_constant_model_is_warned_about():
    warnings = map_warnings(assess(("daisy", 150, 150, 250), ("rose", 60, 0, 0), ("tulip", 40, 0, 0)))
    assert list(warnings) == ["majority", "never_predicted"]
    assert warnings["never_predicted"] == "2 of 3 classes are never predicted: rose, tulip"


def test_class_that_is_predicted_and_never_correctly_is_a_warning():
    warnings = map_warnings(assess(("daisy", 150, 150, 160), ("rose", 60, 60, 80), ("tulip", 40, 0, 10)))
    assert warnings == {"never_correct": "1 of 3 classes is predicted, and never correctly: tulip"}


def test_warning_lists_five_classes_at_most():
    quality = assess(("all", 100, 100, 108), *((f"c{number}", 1, 0, 0) for number in range(8)))
    assert map_warnings(quality)["never_predicted"].endswith(
        "8 of 9 classes are never predicted: c0, c1, c2, c3, c4 and 3 more"
    )


def test_few_photos_are_a_warning_with_the_bound():
    quality = assess(("daisy", 20, 18, 20), ("rose", 10, 9, 10), validation=Tally(20, 22))
    few = [warning for warning in quality.warnings if warning.kind == "few_photos"]
    assert [warning.message.split(":")[0] for warning in few] == [
        "30 test photos judge the model",
        "22 validation photos decide what is chosen",
    ]
    assert all("fewer than 100, the true accuracy can be more than 8 points away" in warning.message for warning in few)
    assert "--test DIR" in few[0].hint and "--test" not in few[1].hint


def test_bound_of_few_photos_is_where_a_bound_is_eight_points_away():
    def measure_distance(photos: int) -> float:
        distances = [
            abs(bound - correct / photos)
            for correct in range(photos + 1)
            for bound in compute_wilson_bounds(correct, photos, confidence=0.95)
        ]
        return max(distances)

    assert measure_distance(FEWEST_JUDGED_PHOTOS - 1) > 0.08
    assert measure_distance(FEWEST_JUDGED_PHOTOS + 10) < 0.08


def test_parts_that_differ_more_than_chance_explains_are_a_warning():
    # 14 of 22 validation photos, 10 of 29 test photos.
    quality = assess(("daisy", 15, 6, 15), ("rose", 14, 4, 14), validation=Tally(14, 22))
    message = map_warnings(quality)["parts_differ"]
    assert (
        "0.6364 on 22 validation photos and 0.3448 on 29 test photos: more than chance explains (p = 0.041)" in message
    )
    (hint,) = (warning.hint for warning in quality.warnings if warning.kind == "parts_differ")
    assert "{train,val,test}" in hint
    # The same accuracies on half the photos may be chance.
    half = assess(("daisy", 8, 3, 8), ("rose", 7, 2, 7), validation=Tally(7, 11))
    assert "parts_differ" not in map_warnings(half)


def test_easier_test_photos_have_another_hint():
    quality = assess(("daisy", 100, 99, 100), ("rose", 100, 98, 100), validation=Tally(80, 100))
    (warning,) = quality.warnings
    assert warning.kind == "parts_differ" and "the test photos are easier" in warning.hint


def test_model_without_skill_is_rarely_taken_for_better_than_the_majority():
    """A model that guesses as often correctly as the majority class: the warning is absent in about 5 % of draws."""
    draws = np.random.default_rng(3).binomial(300, 0.6, 2000)
    absent = 0
    for correct, times in zip(*np.unique(draws, return_counts=True), strict=True):
        others = int(min(correct, 120))
        quality = assess(("daisy", 180, int(correct) - others, 180), ("rose", 120, others, 120))
        absent += times * ("majority" not in map_warnings(quality))
    assert 0.02 <= absent / len(draws) <= 0.075


@pytest.mark.parametrize(
    ("correct", "strict", "text"),
    [
        (79, False, "the accuracy 0.7900 on 100 photos is below --min-accuracy 0.8"),
        (80, False, ""),
        (80, True, "has the lower bound 0.7267, below --min-accuracy 0.8, and --strict was given"),
        (90, True, ""),
    ],
)
def test_accuracy_below_the_required_one_is_explained(correct, strict, text):
    explanation = explain_low_accuracy(Tally(correct, 100), 0.8, 0.95, strict=strict)
    assert explanation.endswith(text) and bool(explanation) == bool(text)


def test_no_required_accuracy_is_always_reached():
    assert explain_low_accuracy(Tally(0, 10), 0.0, 0.95, strict=True) == ""
