"""agreement.py: ties count as equal, and a conversion error is distinguished from sensitivity to rounding."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation.agreement import check_close, diagnose_disagreement, match_predictions

SCALE = 1 / 256
ERROR = ("the copy differs from the original", "convert it again")


def test_largest_difference_is_returned():
    values, expected = np.array([[1.0, 2.0]]), np.array([[1.5, 1.75]])
    assert check_close(values, expected, 0.6, error=ERROR) == 0.5


@pytest.mark.parametrize("value", [1.5, float("nan")])
def test_difference_at_the_tolerance_or_no_number_is_an_error(value):
    with pytest.raises(StageError, match=r"the copy differs .* is 0\.5|nan, 0\.5 is allowed") as error:
        check_close(np.array([value]), np.array([1.0]), 0.5, error=ERROR)
    assert error.value.hint == "convert it again"


def test_scores_within_one_step_of_the_output_are_a_tie():
    expected = np.array([[0.9, 0.1], [0.499, 0.501], [0.499, 0.501], [0.49, 0.51], [0.5, 0.5]])
    scores = np.array([[0.8, 0.2], [127, 129], [129, 127], [129, 127], [0.4, 0.6]])
    assert match_predictions(expected, scores, SCALE).tolist() == [True, True, True, False, True]


def test_float_scores_are_a_tie_only_if_equal():
    expected = np.array([[0.9, 0.1], [0.499, 0.501], [0.499, 0.501], [0.5, 0.5]])
    scores = np.array([[0.8, 0.2], [127, 129], [129, 127], [0.4, 0.6]])
    assert match_predictions(expected, scores, 0).tolist() == [True, True, False, True]


def test_scores_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="shapes differ"):
        match_predictions(np.ones((3, 2)), np.ones((3, 3)), SCALE)


@pytest.mark.parametrize(
    ("differs_from_model", "differs_from_itself", "cause"),
    [
        (0, 0, "unknown"),
        (2, 0, "unknown"),
        (2, 2, "unknown"),
        (3, 0, "file"),
        (3, 1, "file"),
        (3, 2, "network"),
        (10, 4, "file"),
        (10, 5, "network"),
        (51, 45, "network"),
        (51, 60, "network"),
        (200, 1, "file"),
    ],
)
def test_cause_follows_from_the_numbers_of_differing_photos(differs_from_model, differs_from_itself, cause):
    photos = np.arange(200)
    assert diagnose_disagreement(photos >= differs_from_model, photos >= differs_from_itself) == cause
