"""class_warnings.py: classes that are never predicted, never correctly, or hardly judged."""

from edgetl.core.evaluation.quality.class_warnings import (
    CLASS_WARNINGS,
    ClassCount,
    warn_about_classes,
)
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds


def count(*rows: tuple[str, int, int, int]) -> list[ClassCount]:
    return [
        ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)
        for name, photos, correct, predicted in rows
    ]


def map_warnings(*rows: tuple[str, int, int, int], part: str = "test") -> dict[str, str]:
    warnings = warn_about_classes(count(*rows), part)
    assert all(warning.hint and warning.kind in CLASS_WARNINGS for warning in warnings)
    return {warning.kind: warning.message for warning in warnings}


def test_classes_that_are_judged_and_predicted_need_no_warning():
    assert map_warnings(("ok", 70, 68, 71), ("fault", 5, 3, 4)) == {}


def test_rare_class_that_is_never_predicted_has_both_warnings():
    rows = (("ok", 78, 78, 79), ("fault", 1, 0, 0))
    assert map_warnings(*rows) == {
        "never_predicted": "1 of 2 classes is never predicted: fault",
        "few_class_photos": "1 of 2 classes has fewer than 5 test photos: fault (1)",
    }


def test_class_without_photos_is_named_with_the_rarest_first():
    warnings = map_warnings(("a", 70, 68, 71), ("b", 4, 3, 4), ("c", 0, 0, 2), part="validation")
    assert warnings == {"few_class_photos": "2 of 3 classes have fewer than 5 validation photos: c (0), b (4)"}
    (warning,) = warn_about_classes(count(("a", 70, 68, 71), ("b", 4, 3, 4)), "validation")
    assert "--test" not in warning.hint


def test_class_without_photos_is_not_called_never_predicted():
    assert list(map_warnings(("a", 70, 68, 70), ("b", 0, 0, 0))) == ["few_class_photos"]


def test_never_correct_class_is_not_called_never_predicted():
    assert map_warnings(("a", 70, 60, 60), ("b", 20, 0, 30)) == {
        "never_correct": "1 of 2 classes is predicted, and never correctly: b"
    }


def test_five_names_at_most_are_listed():
    message = map_warnings(*((f"c{number}", 9, 0, 0) for number in range(8)), ("all", 90, 90, 162))["never_predicted"]
    assert message == "8 of 9 classes are never predicted: c0, c1, c2, c3, c4 and 3 more"


def test_bounds_of_fewer_than_five_photos_are_more_than_35_points_away():
    assert 1 - compute_wilson_bounds(4, 4, confidence=0.95)[0] > 0.35
