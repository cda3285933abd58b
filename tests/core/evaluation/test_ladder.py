"""ladder.py: variants of a method, layers that may stay in float, and which attempt is within the limit."""

import pytest

from edgetl.core.evaluation import ladder
from edgetl.core.evaluation.contract import PairCounts, decide_outcome
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.records import Artifact, LayerError
from edgetl.core.verdict_records import Verdict


def make_verdict(broke: int, fixed: int = 0, *, photos: int = 2000, limit: float = 0.005) -> Verdict:
    decision = decide_outcome(PairCounts(broke, fixed, photos), limit, confidence=0.95)
    return Verdict.model_construct(
        broke=broke, fixed=fixed, photos=photos, limit_drop=limit, drop=decision.drop, outcome=decision.outcome
    )


def make_attempt(method: str, broke: int, *, photos: int = 2000) -> Attempt:
    artifact = Artifact.model_construct(method=method)
    candidate = Candidate(artifact=artifact, validation=make_verdict(broke, photos=photos))
    return Attempt(method=method, seconds=1.0, reason="", candidate=candidate)


FAILED_ATTEMPT = Attempt(method="qat8", seconds=1.0, reason="it failed", candidate=None)


def make_layer(operator: str) -> LayerError:
    return LayerError(name=operator.lower(), operator=operator, scale=0.1, error_steps=0.4, saturated=0.0)


@pytest.mark.parametrize(
    ("method", "variants"),
    [
        ("mixed8", ("mixed8-0", "mixed8-1", "mixed8-2", "mixed8-4", "mixed8-8", "mixed8-16")),
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
    ("verdict", "explanation", "within", "holds"),
    [
        (make_verdict(15, 3), "loses 0.60 points, over the limit of 0.5", False, False),
        (make_verdict(5), "loses 0.25 points, within the limit of 0.5", True, True),
        (make_verdict(0, 2, limit=0.01), "gains 0.10 points, within the limit of 1", True, True),
        (make_verdict(60), "loses 3.00 points, certainly over the limit of 0.5", False, False),
        (
            make_verdict(30, 20),
            "loses 0.50 points, within the limit of 0.5, but its true drop may be +1.11: over 1.5 times the limit",
            True,
            False,
        ),
    ],
)
def test_result_says_whether_a_candidate_is_within_the_limit_and_holds_it(verdict, explanation, within, holds):
    candidate = Candidate(artifact=None, validation=verdict)
    assert ladder.explain_result(candidate) == explanation
    assert (candidate.within_limit, candidate.holds_limit) == (within, holds)


def test_later_candidate_needs_more_to_hold_the_limit():
    first, fifth = (Candidate(artifact=None, validation=make_verdict(7), number=number) for number in (1, 5))
    assert first.holds_limit and fifth.within_limit and not fifth.holds_limit


def test_strict_candidate_holds_the_limit_only_with_certainty():
    undecided = Candidate(artifact=None, validation=make_verdict(5), strict=True)
    explanation = "loses 0.25 points, at most +0.51: not certainly within the limit of 0.5"
    assert not undecided.holds_limit and ladder.explain_result(undecided) == explanation
    passed = Candidate(artifact=None, validation=make_verdict(1), strict=True)
    assert passed.holds_limit and ladder.explain_result(passed) == "loses 0.05 points, within the limit of 0.5"


def test_candidate_that_exceeds_another_limit_is_not_within_the_limit():
    unmet = "int8 takes 9 bytes, 8 allowed"
    candidate = Candidate(artifact=None, validation=make_verdict(0), unmet=unmet)
    assert not candidate.within_limit and not candidate.holds_limit and ladder.explain_result(candidate) == unmet


def test_method_need_not_be_tried_after_one_that_holds_the_limit():
    attempts = [make_attempt("int8", 60), FAILED_ATTEMPT, make_attempt("int8_more", 10)]
    assert attempts[2].candidate.within_limit and not attempts[2].candidate.holds_limit
    assert not ladder.is_settled(attempts, "float16", try_all=False)
    attempts.append(make_attempt("mixed8-1", 1))
    assert ladder.is_settled(attempts, "float16", try_all=False)
    assert not ladder.is_settled(attempts, "float16", try_all=True)
    assert ladder.is_settled(attempts, "mixed8-2", try_all=True), "a smaller variant holds the limit"


def test_no_method_is_tried_after_float32_within_the_limit():
    """Methods that follow it in a target's list are made on request only."""
    attempts = [make_attempt("int8", 60, photos=100), make_attempt("float32", 0, photos=100)]
    assert not attempts[1].candidate.holds_limit and ladder.is_settled(attempts, "dynamic", try_all=False)
    assert not ladder.is_settled(attempts[:1], "float32", try_all=False)
    over = [*attempts[:1], make_attempt("float32", 2, photos=100)]
    assert not ladder.is_settled(over, "dynamic", try_all=False)
    assert not ladder.is_settled(attempts, "dynamic", try_all=True)


def test_variant_of_mixed8_is_tried_after_another_method_if_all_are_requested():
    assert not ladder.is_settled([make_attempt("int8", 0)], "mixed8-1", try_all=True)


def test_method_that_trains_is_not_tried_on_so_few_photos_that_no_file_can_hold_the_limit():
    attempts = [make_attempt("int8", 0, photos=50)]
    reason = ladder.explain_retraining_skip(attempts, "qat8")
    assert reason == (
        "not tried: 50 validation photos cannot show a drop within 0.5 points, 359 can; --all-methods tries it"
    )
    assert ladder.explain_retraining_skip(attempts, "float32") == ""
    assert ladder.explain_retraining_skip([make_attempt("int8", 0, photos=359)], "qat8") == ""


def test_method_that_trains_is_tried_as_long_as_no_file_is_within_the_limit():
    assert ladder.explain_retraining_skip([make_attempt("int8", 5, photos=50), FAILED_ATTEMPT], "qat8") == ""
