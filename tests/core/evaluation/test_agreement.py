"""fidelity.py: near ties are nobody's fault, and a wrong file is told from a restless network."""

import numpy as np
import pytest

from edgetl.core.evaluation.agreement import diagnose_disagreement, match_predictions

STEP = 1 / 256


def test_the_class_that_a_file_names():
    promised = np.array([[0.9, 0.1], [0.499, 0.501], [0.499, 0.501], [0.49, 0.51], [0.5, 0.5]])
    answered = np.array([[0.8, 0.2], [127, 129], [129, 127], [129, 127], [0.4, 0.6]])
    assert match_predictions(promised, answered, STEP).tolist() == [True, True, True, False, True]
    # Floats are held to the letter.
    assert match_predictions(promised, answered, 0).tolist() == [True, True, False, False, True]


def test_scores_that_do_not_belong_together():
    with pytest.raises(ValueError, match="shapes differ"):
        match_predictions(np.ones((3, 2)), np.ones((3, 3)), STEP)


def missing(count):
    return np.arange(200) >= count


@pytest.mark.parametrize(
    ("missed", "restless", "what"),
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
def test_which_is_the_cause(missed, restless, what):
    assert diagnose_disagreement(missing(missed), missing(restless)) == what
