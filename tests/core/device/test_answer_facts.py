"""answer_facts.py: what model.json says about the answers, and answers as a device computes them."""

import numpy as np
import pytest

from edgetl.core.device import answer_facts
from tests.core.device.test_bundle_files import make_contents
from tests.fixtures.answers import make_rule

CLASSES = ("cat", "dog")
REFERENCE = np.array([[127, 0], [0, 127]], np.int8)


@pytest.fixture
def rule(tmp_path):
    return make_rule(tmp_path / "features.npy", "artifact", CLASSES, REFERENCE)


def test_thresholds_are_written_with_their_bounds(rule):
    assert answer_facts.describe_answer_rule(rule, multi_label=False) == {
        "reference": "features.npy",
        "least_similarities": {"cat": 0.65, "dog": 0.65},
        "least_probability": 0.9,
        "bounds": {"rejected_own": 0.05, "error": 0.026, "confidence": 0.95},
    }


def test_several_labels_have_no_threshold_of_unsure(rule):
    facts = answer_facts.describe_answer_rule(rule, multi_label=True)
    assert "least_probability" not in facts and facts["bounds"] == {"rejected_own": 0.05}


def test_answers_are_those_of_the_program_of_the_device(rule):
    facts = {"output": {"labels": list(CLASSES)}, "answers": answer_facts.describe_answer_rule(rule, multi_label=False)}
    # One sigmoid unit is the probability of the second class.
    scores, features = np.float32([[0.01], [0.4], [0.99]]), np.float32([[1, 0], [0, 2], [-1, -1]])
    answers = answer_facts.compute_answers(facts, REFERENCE, scores, features)
    assert [answer.describe() for answer in answers] == ["cat", "unsure: cat or dog", "none of these"]
    assert type(answers[0]).__module__ == "edgetl_answers"


@pytest.mark.parametrize(
    ("method", "scale", "tolerance"), [("float32", 0.0, 1e-4), ("int8", 1 / 256, 0.04), ("float16", 0.0, 1e-4)]
)
def test_tolerance_is_that_of_the_kernels(method, scale, tolerance):
    artifact = make_contents(method=method).artifact
    artifact = artifact.model_copy(update={"output": artifact.output.model_copy(update={"scale": scale})})
    assert answer_facts.compute_similarity_tolerance(artifact) == tolerance
