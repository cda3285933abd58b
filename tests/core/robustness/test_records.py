from tests.fixtures.robustness import make_robustness


def test_worst_is_the_largest_drop_and_the_mildest_of_equal_ones():
    assert make_robustness({"clean": (90, 5), "dark": (70, 1), "noise": (20, 3)}).worst.name == "noise"
    # Severities 5 and 3.
    robustness = make_robustness({"clean": (90, 5), "dark": (70, 3)})
    mild = robustness.results[1].model_copy(update={"severity": 3})
    assert robustness.model_copy(update={"results": (*robustness.results, mild)}).worst.severity == 3


def test_clean_photos_are_the_first():
    assert make_robustness({"clean": (90, 5), "dark": (70, 1)}).clean.comparison.reference_accuracy == 0.9
