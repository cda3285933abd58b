"""ladder.py: variants of a method, layers that may stay in float, and which attempt is within the limit."""

import pytest

from edgetl.core.evaluation import ladder
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.records import Artifact, LayerError
from edgetl.core.verdict_records import Verdict


def make_verdict(drop: float, outcome: str = "UNDECIDED", limit: float = 0.005, high: float = 0.0084) -> Verdict:
    return Verdict.model_construct(drop=drop, limit_drop=limit, outcome=outcome, drop_high=high)


def make_attempt(method: str, drop: float, *, unmet: str = "") -> Attempt:
    artifact = Artifact.model_construct(method=method)
    candidate = Candidate(artifact=artifact, validation=make_verdict(drop), unmet=unmet)
    return Attempt(method=method, seconds=1.0, reason="", candidate=candidate)


FAILED_ATTEMPT = Attempt(method="qat8", seconds=1.0, reason="it failed", candidate=None)


def make_layer(operator: str) -> LayerError:
    return LayerError(name=operator.lower(), operator=operator, scale=0.1, error_steps=0.4, saturated=0.0)


@pytest.mark.parametrize(
    ("method", "variants"),
    [
        ("mixed8", ("mixed8-1", "mixed8-2", "mixed8-4", "mixed8-8", "mixed8-16")),
        ("int8", ("int8",)),
        ("mixed8-3", ("mixed8-3",)),
    ],
)
def test_only_mixed8_has_variants_and_each_doubles_the_float_layers(method, variants):
    assert ladder.list_variants(method) == variants


def test_only_layers_with_weights_are_selected():
    layers = [
        make_layer(name) for name in ("ADD", "CONV_2D", "SOFTMAX", "FULLY_CONNECTED", "MEAN", "DEPTHWISE_CONV_2D")
    ]
    operators = [layer.operator for layer in ladder.select_weighted_layers(layers)]
    assert operators == ["CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize(
    ("verdict", "explanation", "within"),
    [
        (make_verdict(0.0059), "loses +0.59 points, over the limit of 0.5", False),
        (make_verdict(0.005), "loses +0.50 points, within the limit of 0.5", True),
        (make_verdict(-0.001, "PASS", 0.01), "loses -0.10 points, within the limit of 1", True),
        (make_verdict(0.03, "FAIL"), "loses +3.00 points, certainly over the limit of 0.5", False),
    ],
)
def test_candidate_is_within_the_limit_if_its_observed_drop_is(verdict, explanation, within):
    candidate = Candidate(artifact=None, validation=verdict)
    assert ladder.explain_result(candidate) == explanation and candidate.within_limit is within


def test_strict_candidate_is_within_the_limit_only_with_a_pass():
    undecided = Candidate(artifact=None, validation=make_verdict(0.001), strict=True)
    explanation = "loses +0.10 points, at most +0.84: not certainly within the limit of 0.5"
    assert not undecided.within_limit and ladder.explain_result(undecided) == explanation
    passed = Candidate(artifact=None, validation=make_verdict(0.001, "PASS"), strict=True)
    assert passed.within_limit and ladder.explain_result(passed) == "loses +0.10 points, within the limit of 0.5"


def test_candidate_that_exceeds_another_limit_is_not_within_the_limit():
    unmet = "int8 takes 9 bytes, 8 allowed"
    candidate = Candidate(artifact=None, validation=make_verdict(-0.001, "PASS"), unmet=unmet)
    assert not candidate.within_limit and ladder.explain_result(candidate) == unmet


@pytest.mark.parametrize(
    ("attempts", "method"),
    [
        ([make_attempt("int8", 0.02), make_attempt("float16", 0.004), make_attempt("float32", 0.0)], "float16"),
        ([make_attempt("int8", 0.02), FAILED_ATTEMPT, make_attempt("float16", 0.01)], "float16"),
        ([make_attempt("int8", 0.02), make_attempt("float32", 0.0, unmet="too large")], "int8"),
    ],
    ids=["first within the limit", "smallest drop", "within the other limits first"],
)
def test_best_file_is_the_first_within_the_limit_or_the_nearest(attempts, method):
    assert ladder.select_best(attempts).method == method


def test_method_need_not_be_tried_after_one_within_the_limit():
    attempts = [make_attempt("int8", 0.02), FAILED_ATTEMPT]
    assert not ladder.is_settled(attempts, "float16", try_all=False)
    attempts.append(make_attempt("mixed8-1", 0.004))
    assert ladder.is_settled(attempts, "float16", try_all=False)
    assert not ladder.is_settled(attempts, "float16", try_all=True)
    assert ladder.is_settled(attempts, "mixed8-2", try_all=True), "a smaller variant is within the limit"


def test_variant_of_mixed8_is_tried_after_another_method_if_all_are_requested():
    assert not ladder.is_settled([make_attempt("int8", 0.0)], "mixed8-1", try_all=True)
