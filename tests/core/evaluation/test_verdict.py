from pathlib import Path

import numpy as np
import pytest

from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.evaluation.metrics import compute_calibration_error
from edgetl.core.evaluation.verdict import ScoredPhotos, build_ledger, judge_scores
from edgetl.core.records import Photo
from edgetl.core.verdict_records import ClassChange, Flip, LedgerHop, Verdict

CLASSES = ("ant", "bee", "cat", "dog")


def scores(named, confidence=0.7):
    """Probabilities [photos, 4] whose highest names the given classes."""
    table = np.full((len(named), len(CLASSES)), 0.0)
    table[np.arange(len(named)), named] = confidence
    return (table + (1 - table.sum(axis=1, keepdims=True)) / len(CLASSES)).astype(np.float32)


def answers(labels, named_by_reference, named_by_artifact, **changes):
    photos = tuple(
        Photo(path=f"{CLASSES[label]}/{row:03}.jpg", label=label, sha256=f"{row:064x}")
        for row, label in enumerate(labels)
    )
    facts = {
        "method": "int8",
        "artifact_sha256": "a" * 64,
        "part": "test",
        "photos": photos,
        "classes": CLASSES,
        "reference": scores(named_by_reference),
        "artifact": scores(named_by_artifact),
        "host_ms": 3.5,
    }
    return ScoredPhotos(**(facts | changes))


LABELS = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
REFERENCE = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]
ARTIFACT = [1, 0, 0, 0, 1, 0, 2, 2, 2, 1]


def test_every_field_of_the_verdict():
    given = answers(LABELS, REFERENCE, ARTIFACT)
    hops = build_ledger(np.array(LABELS), [("float", given.reference), ("int8", given.artifact)])
    verdict = judge_scores(given, 0.02, 0.9, hops)
    low, high = compute_tango_interval(2, 1, 10, confidence=0.9)
    assert verdict == Verdict(
        method="int8",
        artifact_sha256="a" * 64,
        part="test",
        photos=10,
        reference_accuracy=0.8,
        accuracy=0.7,
        broke=2,
        fixed=1,
        drop=0.1,
        drop_low=low,
        drop_high=high,
        confidence=0.9,
        limit_drop=0.02,
        outcome="UNDECIDED",
        photos_needed=verdict.photos_needed,
        agreement=0.6,
        reference_calibration_error=compute_calibration_error(given.reference, np.array(LABELS)),
        calibration_error=compute_calibration_error(given.artifact, np.array(LABELS)),
        per_class=(
            ClassChange(name="ant", photos=4, reference_accuracy=0.75, accuracy=0.75),
            ClassChange(name="bee", photos=2, reference_accuracy=1.0, accuracy=0.5),
            ClassChange(name="cat", photos=4, reference_accuracy=0.75, accuracy=0.75),
        ),
        worst_class="bee",
        flips=verdict.flips,
        hops=hops,
        host_ms=3.5,
    )
    assert verdict.photos_needed > 0
    assert verdict.reference_calibration_error != verdict.calibration_error


def test_a_verdict_survives_being_written_as_json():
    verdict = judge_scores(answers(LABELS, REFERENCE, ARTIFACT), 0.02, 0.95)
    assert Verdict.from_json(verdict.to_json(Path("/run")), Path("/run")) == verdict


@pytest.mark.parametrize(
    ("photos", "broken", "outcome"), [(400, 0, "PASS"), (400, 40, "FAIL"), (400, 4, "UNDECIDED"), (40, 0, "UNDECIDED")]
)
def test_outcomes(photos, broken, outcome):
    labels = [0] * photos
    verdict = judge_scores(answers(labels, labels, [1] * broken + labels[broken:]), 0.01, 0.95)
    assert verdict.outcome == outcome
    assert (verdict.broke, verdict.fixed) == (broken, 0)
    assert (verdict.photos_needed == 0) == (outcome != "UNDECIDED")


def test_flips_come_with_the_most_confident_first():
    given = answers([0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 2, 0])
    artifact = np.concatenate([scores([0], 0.99), scores([1], 0.5), scores([2], 0.9), scores([0], 0.5)])
    flips = judge_scores(answers([0, 0, 0, 1], [0, 0, 0, 1], [0] * 4, artifact=artifact), 0.02, 0.95).flips
    assert [flip.path for flip in flips] == ["ant/002.jpg", "ant/001.jpg", "bee/003.jpg"]
    assert flips[0] == Flip(
        path="ant/002.jpg",
        truth="ant",
        reference="ant",
        artifact="cat",
        confidence=float(artifact[2, 2]),
    )
    assert judge_scores(given, 0.02, 0.95).flips[0].confidence == float(given.artifact[1, 1])


@pytest.mark.parametrize(
    ("labels", "reference", "artifact", "worst"),
    [
        pytest.param([0] * 10 + [1] * 2, [0] * 10 + [1] * 2, [1] * 3 + [0] * 7 + [1, 0], "bee", id="share, not count"),
        pytest.param([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 1], "ant", id="fixed photos count against broken ones"),
        pytest.param([2, 2, 1, 1], [2, 2, 1, 1], [2, 0, 1, 0], "bee", id="ties by name"),
        pytest.param([2, 1], [2, 1], [2, 1], "bee", id="nothing lost"),
    ],
)
def test_worst_class(labels, reference, artifact, worst):
    assert judge_scores(answers(labels, reference, artifact), 0.02, 0.95).worst_class == worst


def test_ties_go_by_name_and_not_by_position():
    given = answers([0, 1], [0, 1], [2, 2], classes=("wasp", "ant", "bee", "fly"))
    assert judge_scores(given, 0.02, 0.95).worst_class == "ant"


def test_equally_confident_flips_come_by_path():
    # The photo of the bee comes before those of the ants.
    flips = judge_scores(answers([1, 0, 0], [1, 0, 0], [2, 2, 2]), 0.02, 0.95).flips
    assert [flip.path for flip in flips] == ["ant/001.jpg", "ant/002.jpg", "bee/000.jpg"]


def test_equal_losses_tie_whatever_their_floats():
    # 9 to 8 of 10 and 8 to 7 of 10 differ in the last bit when subtracted as fractions.
    labels = [1] * 10 + [2] * 10
    reference = [0] + [1] * 9 + [0] * 2 + [2] * 8
    artifact = [0] * 2 + [1] * 8 + [0] * 3 + [2] * 7
    assert 0.9 - 0.8 < 0.8 - 0.7
    assert judge_scores(answers(labels, reference, artifact), 0.02, 0.95).worst_class == "bee"


def test_ledger_compares_each_step_with_the_one_before():
    labels = np.array([0, 0, 1, 1])
    first, second, third = scores([0, 0, 1, 0]), scores([0, 1, 1, 1]), scores([1, 1, 1, 1], 0.6)
    hops = build_ledger(labels, [("keras", first), ("savedmodel", second), ("int8", third)])
    worst = [float(np.abs(a.astype(float) - b.astype(float)).max()) for a, b in ((first, second), (second, third))]
    assert hops == (
        LedgerHop(name="keras", photos=4, accuracy=0.75, broke=0, fixed=0, agreement=1, worst_difference=0),
        LedgerHop(
            name="savedmodel", photos=4, accuracy=0.75, broke=1, fixed=1, agreement=0.5, worst_difference=worst[0]
        ),
        LedgerHop(name="int8", photos=4, accuracy=0.5, broke=1, fixed=0, agreement=0.75, worst_difference=worst[1]),
    )


def test_an_empty_ledger_has_no_hops():
    assert build_ledger(np.array([0]), []) == ()


def test_answers_that_do_not_fit_are_refused():
    given = answers(LABELS, REFERENCE, ARTIFACT)
    with pytest.raises(ValueError, match="reference scores"):
        judge_scores(answers(LABELS, REFERENCE, ARTIFACT, classes=CLASSES[:3]), 0.02, 0.95)
    with pytest.raises(ValueError, match="candidate"):
        judge_scores(answers(LABELS, REFERENCE, ARTIFACT, artifact=given.artifact[:5]), 0.02, 0.95)
    with pytest.raises(ValueError, match="empty"):
        judge_scores(answers([], [], []), 0.02, 0.95)


def test_a_score_that_is_not_a_number_names_its_photo():
    broken = scores(ARTIFACT)
    broken[6, 1] = np.nan
    with pytest.raises(ValueError, match="row 6"):
        judge_scores(answers(LABELS, REFERENCE, ARTIFACT, artifact=broken), 0.02, 0.95)
