"""verdict_records.py: hops and verdicts are comparisons with further fields."""

import json

import pytest
from pydantic import ValidationError

from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.verdict_records import ClassChange, Comparison, Flip, LedgerHop, Verdict

COMPARISON = {
    "photos": 200,
    "reference_accuracy": 0.915,
    "accuracy": 0.905,
    "reference_balanced_accuracy": 0.9,
    "balanced_accuracy": 0.8,
    "broke": 3,
    "fixed": 1,
    "agreement": 0.975,
    "worst_difference": 0.12,
    "groups": 0,
    "design_effect": 1.0,
}
VERDICT = Verdict(
    **COMPARISON,
    method="int8",
    artifact_sha256="a",
    part="test",
    drop=0.01,
    drop_low=-0.005,
    drop_high=0.0275,
    confidence=0.95,
    limit_drop=0.02,
    outcome="UNDECIDED",
    photos_needed=None,
    reference_calibration_error=0.03,
    calibration_error=0.04,
    per_class=(ClassChange(name="rose", photos=200, reference_accuracy=0.915, accuracy=0.905, broke=3, fixed=1),),
    worst_class="rose",
    flips=(Flip(path="rose/1.jpg", truth="rose", reference="rose", artifact="daisy", confidence=0.6),),
    hops=(LedgerHop(**COMPARISON, name="int8, XNNPACK"),),
    host_ms=1.5,
    counts=(),
    host_disturbed=False,
)


@pytest.mark.parametrize("kind", [LedgerHop, Verdict])
def test_hop_and_verdict_have_the_fields_of_a_comparison(kind):
    assert issubclass(kind, Comparison)
    # COMPARISON has one class for each photo.
    fields = [*COMPARISON, "labels"]
    assert list(kind.model_fields)[: len(fields)] == list(Comparison.model_fields) == fields


def test_photos_are_described_with_their_groups():
    assert VERDICT.describe_photos("test") == "200 test photos"
    grouped = VERDICT.model_copy(update={"groups": 60, "design_effect": 2.0})
    assert (grouped.describe_photos(), grouped.describe_photos("test")) == (
        "200 photos in 60 groups",
        "200 test photos in 60 groups",
    )
    assert "3 / 1 of 200 test photos in 60 groups" in grouped.render_cost()


def test_verdict_is_the_same_after_writing_and_reading(tmp_path):
    value = json.loads(json.dumps(VERDICT.to_json(tmp_path)))
    assert Verdict.from_json(value, tmp_path) == VERDICT


def test_unknown_outcome_is_an_error(tmp_path):
    with pytest.raises(ValidationError, match="'PASS', 'FAIL' or 'UNDECIDED'"):
        Verdict.from_json({**VERDICT.to_json(tmp_path), "outcome": "MAYBE"}, tmp_path)


def test_html_starts_with_the_model_and_shows_losses_with_a_minus():
    html = VERDICT._repr_html_()
    # Without counts of classes nothing is known about the model.
    assert "how good the model is" not in html and html == VERDICT.render_cost()
    assert "-1.00 (-2.75 … +0.50)" in html and "drop" not in html
    assert "<th>change</th><th>in all</th>" in html
    counts = (ClassCount(name="rose", photos=200, correct=181, predicted=190),)
    html = VERDICT.model_copy(update={"counts": counts})._repr_html_()
    assert html.index("how good the model is") < html.index("verdict on int8")
