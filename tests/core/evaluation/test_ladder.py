"""ladder.py: what a name stands for, which layers count, and what a verdict means for the next step."""

import pytest

from edgetl.core.evaluation import ladder
from edgetl.core.records import LayerError
from edgetl.core.verdict_records import Verdict


def verdict(drop: float, outcome: str = "UNDECIDED", limit: float = 0.005) -> Verdict:
    return Verdict.model_construct(drop=drop, limit_drop=limit, outcome=outcome)


def layer(operator: str) -> LayerError:
    return LayerError(name=operator.lower(), operator=operator, scale=0.1, error_steps=0.4, saturated=0.0)


def test_a_flight_doubles():
    assert ladder.list_variants("mixed8") == ("mixed8-1", "mixed8-2", "mixed8-4", "mixed8-8", "mixed8-16")
    assert ladder.list_variants("int8") == ("int8",) and ladder.list_variants("mixed8-3") == ("mixed8-3",)


def test_layers_without_weights_stay_integer():
    found = [layer(name) for name in ("ADD", "CONV_2D", "SOFTMAX", "FULLY_CONNECTED", "MEAN", "DEPTHWISE_CONV_2D")]
    kept = [one.operator for one in ladder.select_weighted_layers(found)]
    assert kept == ["CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize(
    ("given", "said", "within"),
    [
        (verdict(0.0059), "loses +0.59 points, over the limit of 0.5", False),
        (verdict(0.005), "loses +0.50 points, within the limit of 0.5", True),
        (verdict(-0.001, "PASS", 0.01), "loses -0.10 points, within the limit of 1", True),
        (verdict(0.03, "FAIL"), "loses +3.00 points, certainly over the limit of 0.5", False),
    ],
)
def test_what_a_verdict_means(given, said, within):
    candidate = ladder.Candidate(artifact=None, validation=given)
    assert ladder.explain_result(candidate) == said and candidate.within_limit is within


def test_a_strict_contract_climbs_until_it_is_certain():
    undecided = verdict(0.001).model_copy(update={"drop_high": 0.0084})
    one = ladder.Candidate(artifact=None, validation=undecided, strict=True)
    assert not one.within_limit
    assert ladder.explain_result(one) == "loses +0.10 points, at most +0.84: not certainly within the limit of 0.5"
    certain = ladder.Candidate(artifact=None, validation=verdict(0.001, "PASS"), strict=True)
    assert certain.within_limit and ladder.explain_result(certain) == "loses +0.10 points, within the limit of 0.5"


def test_what_else_is_unmet_is_said_and_counts():
    one = ladder.Candidate(artifact=None, validation=verdict(-0.001, "PASS"), unmet="int8 takes 9 bytes, 8 allowed")
    assert not one.within_limit and ladder.explain_result(one) == "int8 takes 9 bytes, 8 allowed"
