"""metrics.py: accuracy, agreement, calibration error and comparisons, computed by hand; invalid scores are refused."""

import numpy as np
import pytest

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.design_effect import compute_design_effect
from edgetl.core.evaluation.metrics import compare_scores, compute_calibration_error
from edgetl.core.tasks.several_labels import SeveralLabels

LABELS = np.array([0, 0, 1, 1, 2])
# The reference predicts 0 0 1 2 2, the candidate 0 1 1 1 0: it breaks rows 1 and 4 and fixes row 3.
REFERENCE = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]])
CANDIDATE = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.5, 0.1, 0.4]])


def test_prediction_is_the_highest_score_and_the_first_of_equal_ones():
    scores = np.array([[0.1, 0.9, 0.0], [0.4, 0.2, 0.4], [0.0, 0.5, 0.5], [0.3, 0.3, 0.3]])
    assert metrics.predict_classes(scores).tolist() == [1, 0, 1, 0]


def test_accuracy_of_all_photos_and_of_each_class():
    assert metrics.compute_accuracy(REFERENCE, LABELS) == pytest.approx(4 / 5)
    assert metrics.compute_class_accuracy(REFERENCE, LABELS).tolist() == [1.0, 0.5, 1.0]
    assert metrics.compute_class_accuracy(CANDIDATE, LABELS).tolist() == [0.5, 1.0, 0.0]


def test_balanced_accuracy_is_the_mean_of_the_recalls_of_classes_with_photos():
    assert metrics.compute_balanced_accuracy(REFERENCE, LABELS) == pytest.approx(2.5 / 3)
    assert metrics.compute_balanced_accuracy(REFERENCE[:4], LABELS[:4]) == pytest.approx(0.75)
    constant = np.tile([0.9, 0.1, 0.0], (100, 1))
    rare = np.array([0] * 97 + [1] * 3)
    assert metrics.compute_accuracy(constant, rare) == pytest.approx(0.97)
    assert metrics.compute_balanced_accuracy(constant, rare) == 0.5
    assert metrics.compute_balanced_accuracy(constant, np.zeros(100, int)) == 1


def test_accuracy_of_a_class_without_photos_is_nan():
    per_class = metrics.compute_class_accuracy(REFERENCE[:2], LABELS[:2])
    assert per_class[0] == 1
    assert np.isnan(per_class[1:]).all()


def test_flips_are_different_predictions_and_agreement_is_the_fraction_of_equal_ones():
    assert metrics.find_flips(REFERENCE, CANDIDATE).tolist() == [1, 3, 4]
    assert metrics.compute_agreement(REFERENCE, CANDIDATE) == pytest.approx(2 / 5)
    assert metrics.compute_agreement(REFERENCE, REFERENCE) == 1


def test_comparison_counts_broken_and_fixed_photos():
    assert dict(compare_scores(LABELS, REFERENCE, CANDIDATE)) == pytest.approx(
        {
            "photos": 5,
            "reference_accuracy": 0.8,
            "accuracy": 0.6,
            "reference_balanced_accuracy": 2.5 / 3,
            "balanced_accuracy": 0.5,
            "broke": 2,
            "fixed": 1,
            "agreement": 0.4,
            "worst_difference": 0.4,
            "groups": 0,
            "design_effect": 1.0,
            "labels": 0,
        }
    )


def test_groups_are_counted_and_widen_the_comparison():
    grouped = compare_scores(LABELS, REFERENCE, CANDIDATE, ["one", "one", "", "two", "two"])
    correct = [np.array(scores.argmax(axis=1) == LABELS, int) for scores in (REFERENCE, CANDIDATE)]
    assert grouped.groups == 3
    assert grouped.design_effect == compute_design_effect(correct[0] - correct[1], np.array([0, 0, 1, 2, 2])) != 1
    assert grouped.model_copy(update={"groups": 0, "design_effect": 1.0}) == compare_scores(
        LABELS, REFERENCE, CANDIDATE
    )


def test_groups_of_one_photo_have_a_design_effect_of_exactly_one():
    comparison = compare_scores(LABELS, REFERENCE, CANDIDATE, ["a", "", "b", "", "c"])
    assert (comparison.groups, comparison.design_effect) == (5, 1.0)


def test_flip_between_two_wrong_classes_is_neither_broken_nor_fixed():
    labels = np.array([2])
    comparison = compare_scores(labels, np.array([[0.9, 0.1, 0.0]]), np.array([[0.1, 0.9, 0.0]]))
    assert (comparison.broke, comparison.fixed, comparison.agreement) == (0, 0, 0)


def test_ties_have_the_same_prediction_in_both_models():
    tied = np.array([[0.5, 0.5]])
    comparison = compare_scores(np.array([0]), tied, tied.astype(np.float32))
    assert (comparison.broke, comparison.fixed, comparison.agreement) == (0, 0, 1)


def test_worst_difference_does_not_overflow():
    low = np.array([[60000.0, 0.0]], dtype=np.float16)
    assert compare_scores(np.array([0]), low, -low).worst_difference == 120000


def test_calibration_error_is_that_computed_by_hand():
    # Two bins. Lower: confidence 0.4 and 0.5, one of two correct: |0.5 - 0.45|. Upper: 0.9 and 0.7, both correct: 0.2.
    scores = np.array([[0.4, 0.3, 0.3], [0.5, 0.25, 0.25], [0.05, 0.9, 0.05], [0.1, 0.2, 0.7]])
    labels = np.array([0, 1, 1, 2])
    assert compute_calibration_error(scores, labels, bins=2) == pytest.approx(0.5 * 0.05 + 0.5 * 0.2)
    # One bin: accuracy 3/4 against mean confidence 2.5/4.
    assert compute_calibration_error(scores, labels, bins=1) == pytest.approx(0.125)


def test_bin_includes_its_upper_edge():
    # 0.5 is in the lower of two bins, like 0.3: the errors -0.5 and +0.7 cancel in part.
    scores = np.array([[0.5, 0.0], [0.3, 0.0]])
    assert compute_calibration_error(scores, np.array([1, 0]), bins=2) == pytest.approx(abs(-0.5 + 0.7) / 2)
    assert compute_calibration_error(scores, np.array([1, 0]), bins=10) == pytest.approx((0.5 + 0.7) / 2)


def test_confidence_of_zero_and_one_is_in_the_outer_bins():
    scores = np.array([[0.0, 0.0], [1.0, 0.0], [1.003, 0.0]])
    assert compute_calibration_error(scores, np.array([1, 0, 0])) == pytest.approx(0.001)


def test_certain_and_correct_predictions_are_calibrated():
    assert compute_calibration_error(np.eye(3), np.arange(3)) == 0


@pytest.mark.parametrize("score", [1.5, -0.2])
def test_calibration_error_of_logits_is_refused(score):
    with pytest.raises(ValueError, match=r"row 1 .* not a probability"):
        compute_calibration_error(np.array([[0.5, 0.5], [score, score]]), np.array([0, 1]))


def test_calibration_error_without_bins_is_refused():
    with pytest.raises(ValueError, match="bin"):
        compute_calibration_error(REFERENCE, LABELS, bins=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_score_that_is_not_finite_is_refused_with_its_row(value):
    invalid = CANDIDATE.copy()
    invalid[3, 2] = value
    with pytest.raises(ValueError, match=r"candidate scores of the photo in row 3"):
        compare_scores(LABELS, REFERENCE, invalid)
    with pytest.raises(ValueError, match=r"reference scores of the photo in row 3"):
        compare_scores(LABELS, invalid, CANDIDATE)
    with pytest.raises(ValueError, match=r"row 3"):
        metrics.predict_classes(invalid)


@pytest.mark.parametrize(
    ("labels", "reference", "candidate"),
    [
        pytest.param(LABELS[:0], REFERENCE[:0], CANDIDATE[:0], id="no photos"),
        pytest.param(LABELS, REFERENCE[:, :0], CANDIDATE[:, :0], id="no classes"),
        pytest.param(LABELS[:4], REFERENCE, CANDIDATE, id="one label missing"),
        pytest.param(LABELS, REFERENCE, CANDIDATE[:4], id="one photo missing"),
        pytest.param(LABELS, REFERENCE, CANDIDATE[:, :2], id="one class missing"),
        pytest.param(LABELS, REFERENCE[:, 0], CANDIDATE[:, 0], id="one score per photo"),
        pytest.param(LABELS + 1, REFERENCE, CANDIDATE, id="a label without a class"),
        pytest.param(LABELS - 1, REFERENCE, CANDIDATE, id="a negative label"),
        pytest.param(LABELS.astype(float), REFERENCE, CANDIDATE, id="float labels"),
        pytest.param(LABELS[:, None], REFERENCE, CANDIDATE, id="labels in a column"),
        pytest.param(LABELS, REFERENCE, np.eye(5, 3, dtype=np.uint8), id="raw quantized scores"),
    ],
)
def test_shapes_that_do_not_match_are_refused(labels, reference, candidate):
    with pytest.raises(ValueError, match=r"scores|labels|label|reference"):
        compare_scores(labels, reference, candidate)


@pytest.mark.parametrize(
    ("total", "count", "rows"),
    [
        (5, 5, [0, 1, 2, 3, 4]),
        (3, 2**31, [0, 1, 2]),
        (10, 4, [0, 3, 6, 9]),
        (100, 2, [0, 99]),
        (7, 1, [0]),
    ],
)
def test_sampled_rows_are_evenly_spaced(total, count, rows):
    sample = metrics.sample_evenly(total, count)
    assert sample.tolist() == rows and sample.dtype == np.int64


def test_sample_has_no_photo_twice():
    for total in range(1, 60):
        for count in range(1, total + 1):
            assert len(set(metrics.sample_evenly(total, count).tolist())) == count


def test_column_of_a_sigmoid_becomes_two_columns():
    np.testing.assert_array_equal(metrics.expand_sigmoid(np.array([[0.25], [1.0]])), [[0.75, 0.25], [0.0, 1.0]])


def test_scores_of_a_softmax_are_not_changed():
    assert metrics.expand_sigmoid(REFERENCE) is REFERENCE


# Three labels of three photos, with a threshold of 0.5, 0.5 and 0.25.
TASK = SeveralLabels((0.5, 0.5, 0.25))
TRUTH = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]])
BEFORE = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.1], [0.1, 0.2, 0.3]])
AFTER = np.array([[0.4, 0.1, 0.2], [0.2, 0.8, 0.1], [0.1, 0.2, 0.2]])


def test_decisions_about_labels_are_compared_one_by_one():
    comparison = compare_scores(TRUTH, BEFORE, AFTER, task=TASK)
    # The first photo loses two labels, and the last one no longer has a wrong one.
    assert (comparison.broke, comparison.fixed, comparison.photos, comparison.labels) == (2, 1, 3, 3)
    assert comparison.decisions == 9 and comparison.groups == 0 and comparison.agreement == pytest.approx(6 / 9)
    assert (comparison.reference_accuracy, comparison.accuracy) == pytest.approx((8 / 9, 7 / 9))
    differences = np.array([1, 0, 1, 0, 0, 0, 0, 0, -1])
    assert comparison.design_effect == compute_design_effect(differences, np.repeat([0, 1, 2], 3))
    assert comparison.describe_photos("test") == "9 decisions about 3 labels of 3 test photos"


def test_photos_of_one_group_are_one_cluster_of_decisions():
    comparison = compare_scores(TRUTH, BEFORE, AFTER, ["x", "x", ""], TASK)
    differences = np.array([1, 0, 1, 0, 0, 0, 0, 0, -1])
    assert comparison.groups == 2
    assert comparison.design_effect == compute_design_effect(differences, np.repeat([0, 0, 1], 3))


def test_accuracy_and_calibration_of_labels():
    assert metrics.compute_accuracy(BEFORE, TRUTH, TASK) == pytest.approx(8 / 9)
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert compute_calibration_error(certain, certain.astype(int)) == 0
    assert compute_calibration_error(np.full((2, 2), 0.8), np.array([[1, 1], [1, 0]])) == pytest.approx(0.05)
    with pytest.raises(ValueError, match=r"labels are \[3\] for scores \[3, 3\]"):
        metrics.find_correct(BEFORE, TRUTH[0], TASK)


def test_confidence_in_labels_without_a_temperature():
    """0.8 is 4 to 1, and 16 to 1 without a temperature of 2."""
    (row,) = metrics.tabulate_scores(np.full((2, 2), 0.8), np.array([[1, 1], [1, 0]]), temperature=2.0)
    assert (row.photos, row.accuracy) == (4, 0.75) and row.probability == pytest.approx(16 / 17)
