"""verdict.py: every number of a verdict and of the ledger, sorted flips, and scores that are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.evaluation.balanced.measures import count_pairs
from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.evaluation.metrics import compute_calibration_error, sample_evenly
from edgetl.core.evaluation.verdict import (
    WITHOUT_TEMPERATURE,
    assess_verdict,
    build_ledger,
    judge_scores,
    tally_verdict,
)
from edgetl.core.records import Photo
from edgetl.core.tasks.several_labels import SeveralLabels
from edgetl.core.verdict_records import ClassChange, Flip, LedgerHop, Verdict

CLASSES = ("ant", "bee", "cat", "dog")
LABELS = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
REFERENCE = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]
ARTIFACT = [1, 0, 0, 0, 1, 0, 2, 2, 2, 1]


def make_scores(predictions: list[int], confidence: float = 0.7) -> np.ndarray:
    """Make probabilities [photos, 4] with these predictions."""
    scores = np.full((len(predictions), len(CLASSES)), 0.0)
    scores[np.arange(len(predictions)), predictions] = confidence
    return (scores + (1 - scores.sum(axis=1, keepdims=True)) / len(CLASSES)).astype(np.float32)


def make_scored(labels: list[int], reference: list[int], artifact: list[int], /, **changes: object) -> ScoredPhotos:
    photos = tuple(
        Photo(path=f"{CLASSES[label]}/{row:03}.jpg", label=label, sha256=f"{row:064x}")
        for row, label in enumerate(labels)
    )
    fields = {
        "method": "int8",
        "artifact_sha256": "a" * 64,
        "part": "test",
        "photos": photos,
        "classes": CLASSES,
        "reference": make_scores(reference),
        "artifact": make_scores(artifact),
        "host_ms": 3.5,
        "host_disturbed": False,
    }
    return ScoredPhotos(**(fields | changes))


def judge(labels: list[int], reference: list[int], artifact: list[int], /, **changes: object) -> Verdict:
    return judge_scores(make_scored(labels, reference, artifact, **changes), 0.02, 0.95)


def test_every_field_of_the_verdict():
    scored = make_scored(LABELS, REFERENCE, ARTIFACT)
    hops = build_ledger(np.array(LABELS), [("float", scored.reference), ("int8", scored.artifact)])
    verdict = judge_scores(scored, 0.02, 0.9, hops)
    low, high = compute_tango_interval(2, 1, 10, confidence=0.9)
    assert verdict == Verdict(
        method="int8",
        artifact_sha256="a" * 64,
        part="test",
        photos=10,
        reference_accuracy=0.8,
        accuracy=0.7,
        reference_balanced_accuracy=2.5 / 3,
        balanced_accuracy=2 / 3,
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
        worst_difference=float(np.abs(scored.reference.astype(float) - scored.artifact.astype(float)).max()),
        reference_calibration_error=compute_calibration_error(scored.reference, np.array(LABELS)),
        calibration_error=compute_calibration_error(scored.artifact, np.array(LABELS)),
        per_class=(
            ClassChange(name="ant", photos=4, reference_accuracy=0.75, accuracy=0.75, broke=1, fixed=1),
            ClassChange(name="bee", photos=2, reference_accuracy=1.0, accuracy=0.5, broke=1, fixed=0),
            ClassChange(name="cat", photos=4, reference_accuracy=0.75, accuracy=0.75, broke=0, fixed=0),
        ),
        worst_class="bee",
        flips=verdict.flips,
        hops=hops,
        host_ms=3.5,
        host_disturbed=False,
        counts=verdict.counts,
        measure="accuracy",
        warnings=verdict.warnings,
        reliability=verdict.reliability,
    )
    assert [row.title for row in verdict.reliability] == ["reference", "artifact"]
    assert [row.calibration_error for row in verdict.reliability] == [
        verdict.reference_calibration_error,
        verdict.calibration_error,
    ]
    assert [warning.kind for warning in verdict.warnings] == ["few_class_photos"]
    assert verdict.photos_needed > 0
    assert verdict.reference_calibration_error != verdict.calibration_error


def test_calibration_is_known_without_the_temperature_too():
    """Scores of 0.7 and three of 0.1 are those of 0.7 ** 2, and 0.1 ** 2, at a temperature of 2."""
    verdict = judge(LABELS, REFERENCE, ARTIFACT, temperature=2.0)
    without, with_it, artifact = verdict.reliability
    assert without.title == WITHOUT_TEMPERATURE and verdict.temperature == 2
    (row,) = without.bins
    score = make_scores([0]).max()
    assert row.probability == pytest.approx(score**2 / (score**2 + 3 * ((1 - score) / 3) ** 2), rel=1e-6)
    assert row.accuracy == verdict.reference_accuracy
    assert with_it.calibration_error == verdict.reference_calibration_error
    assert artifact.calibration_error == verdict.calibration_error


def test_classes_are_counted_by_label_and_by_prediction():
    verdict = judge(LABELS, REFERENCE, ARTIFACT)
    assert [count.name for count in verdict.counts] == list(CLASSES)
    assert [count.photos for count in verdict.counts] == [LABELS.count(label) for label in range(len(CLASSES))]
    assert [count.predicted for count in verdict.counts] == [ARTIFACT.count(label) for label in range(len(CLASSES))]
    correct = [label for label, prediction in zip(LABELS, ARTIFACT, strict=True) if label == prediction]
    assert [count.correct for count in verdict.counts] == [correct.count(label) for label in range(len(CLASSES))]


def test_quality_of_a_verdict_compares_with_the_validation_photos():
    verdict, validation = judge(LABELS, REFERENCE, ARTIFACT), judge(LABELS, REFERENCE, REFERENCE)
    assert tally_verdict(validation) == (8, 10)
    quality = assess_verdict(verdict, validation)
    assert (quality.part, quality.accuracy, quality.validation_accuracy) == ("test", 0.7, 0.8)
    assert assess_verdict(verdict).validation_photos == 0


def test_verdict_is_read_back_from_json():
    verdict = judge(LABELS, REFERENCE, ARTIFACT)
    assert Verdict.from_json(verdict.to_json(Path("/run")), Path("/run")) == verdict


@pytest.mark.parametrize(
    ("photos", "broken", "outcome"), [(400, 0, "PASS"), (400, 40, "FAIL"), (400, 4, "UNDECIDED"), (40, 0, "UNDECIDED")]
)
def test_outcome_follows_from_photos_and_broken_photos(photos, broken, outcome):
    labels = [0] * photos
    verdict = judge_scores(make_scored(labels, labels, [1] * broken + labels[broken:]), 0.01, 0.95)
    assert verdict.outcome == outcome
    assert (verdict.broke, verdict.fixed) == (broken, 0)
    assert (verdict.photos_needed == 0) == (outcome != "UNDECIDED")


def test_flips_are_sorted_with_the_most_confident_first():
    artifact = np.concatenate(
        [make_scores([0], 0.99), make_scores([1], 0.5), make_scores([2], 0.9), make_scores([0], 0.5)]
    )
    flips = judge([0, 0, 0, 1], [0, 0, 0, 1], [0] * 4, artifact=artifact).flips
    assert [flip.path for flip in flips] == ["ant/002.jpg", "ant/001.jpg", "bee/003.jpg"]
    assert flips[0] == Flip(
        path="ant/002.jpg",
        truth="ant",
        reference="ant",
        artifact="cat",
        confidence=float(artifact[2, 2]),
    )


def test_flips_of_equal_confidence_are_sorted_by_path():
    # The photo of the bee is before those of the ants.
    flips = judge([1, 0, 0], [1, 0, 0], [2, 2, 2]).flips
    assert [flip.path for flip in flips] == ["ant/001.jpg", "ant/002.jpg", "bee/000.jpg"]


@pytest.mark.parametrize(
    ("labels", "reference", "artifact", "worst"),
    [
        ([0] * 10 + [1] * 2, [0] * 10 + [1] * 2, [1] * 3 + [0] * 7 + [1, 0], "bee"),
        ([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 1], "ant"),
        ([2, 2, 1, 1], [2, 2, 1, 1], [2, 0, 1, 0], "bee"),
        ([2, 1], [2, 1], [2, 1], "bee"),
    ],
    ids=["fraction of the class", "broken minus fixed", "equal loss", "no loss"],
)
def test_worst_class_has_the_largest_loss_and_of_equal_ones_the_first_name(labels, reference, artifact, worst):
    assert judge(labels, reference, artifact).worst_class == worst


def test_first_name_is_independent_of_the_order_of_the_classes():
    assert judge([0, 1], [0, 1], [2, 2], classes=("wasp", "ant", "bee", "fly")).worst_class == "ant"


def test_equal_losses_are_equal_although_their_floats_differ():
    # From 9 to 8 of 10, and from 8 to 7 of 10.
    labels = [1] * 10 + [2] * 10
    reference = [0] + [1] * 9 + [0] * 2 + [2] * 8
    artifact = [0] * 2 + [1] * 8 + [0] * 3 + [2] * 7
    assert 0.9 - 0.8 < 0.8 - 0.7
    assert judge(labels, reference, artifact).worst_class == "bee"


def test_ledger_compares_each_step_with_the_step_before():
    labels = np.array([0, 0, 1, 1])
    first, second, third = make_scores([0, 0, 1, 0]), make_scores([0, 1, 1, 1]), make_scores([1, 1, 1, 1], 0.6)

    def make_hop(name: str, scores: np.ndarray, before: np.ndarray, **fields: float) -> LedgerHop:
        difference = float(np.abs(scores.astype(float) - before.astype(float)).max())
        balanced = {
            "reference_balanced_accuracy": fields["reference_accuracy"],
            "balanced_accuracy": fields["accuracy"],
        }
        return LedgerHop(name=name, photos=4, worst_difference=difference, **fields, **balanced)

    assert build_ledger(labels, [("keras", first), ("savedmodel", second), ("int8", third)]) == (
        make_hop("keras", first, first, reference_accuracy=0.75, accuracy=0.75, broke=0, fixed=0, agreement=1),
        make_hop("savedmodel", second, first, reference_accuracy=0.75, accuracy=0.75, broke=1, fixed=1, agreement=0.5),
        make_hop("int8", third, second, reference_accuracy=0.75, accuracy=0.5, broke=1, fixed=0, agreement=0.75),
    )


def test_hop_with_few_photos_is_compared_on_those_alone():
    few = sample_evenly(10, 4)
    reference, artifact = make_scores(REFERENCE), make_scores(ARTIFACT)
    steps = [("keras", reference), ("int8", artifact), ("slow", artifact[few]), ("again", artifact)]
    hops = build_ledger(np.array(LABELS), steps)
    assert [hop.photos for hop in hops] == [10, 10, 4, 4]
    assert [hop.agreement for hop in hops] == [1, 0.6, 1, 1]
    assert hops[2].accuracy == np.mean([LABELS[row] == ARTIFACT[row] for row in few])
    with pytest.raises(ValueError, match="candidate"):
        build_ledger(np.array(LABELS), [("few", reference[:4]), ("other", artifact[:3])])


def test_ledger_without_steps_is_empty():
    assert build_ledger(np.array([0]), []) == ()


def test_scores_that_do_not_match_the_photos_are_refused():
    with pytest.raises(ValueError, match="reference scores"):
        judge(LABELS, REFERENCE, ARTIFACT, classes=CLASSES[:3])
    with pytest.raises(ValueError, match="candidate"):
        judge(LABELS, REFERENCE, ARTIFACT, artifact=make_scores(ARTIFACT)[:5])
    with pytest.raises(ValueError, match="empty"):
        judge([], [], [])


def test_score_that_is_not_a_number_is_refused_with_its_row():
    invalid = make_scores(ARTIFACT)
    invalid[6, 1] = np.nan
    with pytest.raises(ValueError, match="row 6"):
        judge(LABELS, REFERENCE, ARTIFACT, artifact=invalid)


def group_photos(scored: ScoredPhotos, *names: str) -> ScoredPhotos:
    photos = tuple(photo.model_copy(update={"group": name}) for photo, name in zip(scored.photos, names, strict=True))
    return replace(scored, photos=photos)


def test_verdict_on_grouped_photos_has_wider_bounds():
    labels = [0] * 60
    scored = make_scored(labels, labels, [1] * 3 + labels[3:])
    grouped = group_photos(scored, *(f"burst {row // 3}" for row in range(60)))
    plain, verdict = judge_scores(scored, 0.02, 0.95), judge_scores(grouped, 0.02, 0.95)
    assert (verdict.groups, plain.groups, plain.design_effect) == (20, 0, 1.0)
    assert verdict.design_effect > 2 and verdict.drop == plain.drop
    bounds = compute_tango_interval(3, 0, 60, design_effect=verdict.design_effect)
    assert (verdict.drop_low, verdict.drop_high) == bounds
    assert verdict.drop_low < plain.drop_low and verdict.drop_high > plain.drop_high
    assert verdict.photos_needed > plain.photos_needed


def test_groups_of_one_photo_change_no_bit_of_the_verdict():
    scored = make_scored(LABELS, REFERENCE, ARTIFACT)
    verdict = judge_scores(group_photos(scored, *"abcdefghij"), 0.02, 0.95)
    assert verdict.model_copy(update={"groups": 0}) == judge_scores(scored, 0.02, 0.95)


def test_photos_of_a_single_group_decide_nothing():
    labels = [0] * 400
    scored = group_photos(make_scored(labels, labels, labels), *["camera"] * 400)
    verdict = judge_scores(scored, 0.02, 0.95)
    assert (verdict.outcome, verdict.groups, verdict.design_effect) == ("UNDECIDED", 1, 400)


LABELS_OF_PHOTOS = [(1, 0, 1), (0, 1, 0), (0, 0, 0), (1, 1, 1)] * 10


def make_labelled(**changes: object) -> ScoredPhotos:
    """Make scores of 40 photos with three labels. The artifact loses label c of every fourth photo."""
    truth = np.array(LABELS_OF_PHOTOS)
    reference = np.where(truth == 1, 0.8, 0.1)
    artifact = reference.copy()
    artifact[3::4, 2] = 0.25
    photos = tuple(
        Photo(path=f"{row}.jpg", label=0, sha256=f"{row}", labels=labels) for row, labels in enumerate(LABELS_OF_PHOTOS)
    )
    fields = {"photos": photos, "classes": ("a", "b", "c"), "reference": reference, "artifact": artifact}
    return make_scored([], [], [], **(fields | {"task": SeveralLabels((0.5, 0.5, 0.3))} | changes))


def test_verdict_on_decisions_about_labels():
    verdict = judge_scores(make_labelled(), 0.02, 0.95)
    assert (verdict.photos, verdict.labels, verdict.broke, verdict.fixed) == (40, 3, 10, 0)
    assert verdict.drop == pytest.approx(10 / 120) and verdict.outcome == "FAIL"
    low, high = compute_tango_interval(10, 0, 120, design_effect=verdict.design_effect)
    assert (verdict.drop_low, verdict.drop_high) == (low, high)
    assert verdict.worst_class == "c" and [change.accuracy for change in verdict.per_class] == [1, 1, 0.75]
    assert len(verdict.flips) == 10 and {flip.label for flip in verdict.flips} == {"c"}
    assert verdict.thresholds == (0.5, 0.5, 0.3) and verdict.accuracy_design_effect > 1
    quality = assess_verdict(verdict, verdict)
    assert quality.accuracy == pytest.approx(verdict.accuracy) and quality.validation_photos == 40
    assert [label.recall for label in quality.labels] == [1, 1, 0.5]


def test_balanced_accuracy_of_labels_is_the_mean_of_those_of_the_labels():
    verdict = judge_scores(make_labelled(), 0.02, 0.95)
    # Label c is found on half of its 20 photos, and on none of the others.
    assert verdict.reference_balanced_accuracy == 1 and verdict.balanced_accuracy == pytest.approx((1 + 1 + 0.75) / 3)
    assert [(change.broke, change.fixed) for change in verdict.per_class] == [(0, 0), (0, 0), (10, 0)]
    quality = assess_verdict(verdict)
    assert quality.balanced_accuracy == pytest.approx(sum(row.balanced_accuracy for row in quality.labels) / 3)
    with pytest.raises(ValueError, match="for photos with one class"):
        judge_scores(make_labelled(), 0.02, 0.95, measure="balanced")


def test_label_without_photos_is_a_warning_of_the_verdict():
    scores = make_labelled()
    photos = tuple(photo.model_copy(update={"labels": (*photo.labels[:2], 0)}) for photo in scores.photos)
    verdict = judge_scores(replace(scores, photos=photos), 0.02, 0.95)
    assert [warning.message for warning in verdict.warnings] == ["1 of 3 labels is on fewer than 5 test photos: c (0)"]
    # Label c has no balanced accuracy.
    assert verdict.balanced_accuracy == 1 and verdict.accuracy < 1


def test_missing_photos_are_counted_and_not_decisions():
    scores = make_labelled()
    verdict = judge_scores(replace(scores, artifact=scores.reference), 0.02, 0.95)
    assert verdict.outcome == "UNDECIDED" and verdict.design_effect == pytest.approx(3, rel=0.05)
    # 132 photos decide it: as many as with one class, for a photo is one cluster.
    one_class = judge([0] * 40, [0] * 40, [0] * 40)
    assert verdict.photos_needed == pytest.approx(one_class.photos_needed, rel=0.1)


def test_ledger_of_labels():
    scores = make_labelled()
    hops = build_ledger(
        np.array(LABELS_OF_PHOTOS), [("Keras", scores.reference), ("int8", scores.artifact)], scores.task
    )
    assert [(hop.broke, hop.labels) for hop in hops] == [(0, 3), (10, 3)]


# Contracts on balanced accuracy


def judge_balanced(labels, reference, artifact, /, limit_drop=0.02, **changes) -> Verdict:
    scored = make_scored(labels, reference, artifact, **{"classes": CLASSES[:2], **changes})
    scored = replace(scored, reference=scored.reference[:, :2], artifact=scored.artifact[:, :2])
    return judge_scores(scored, limit_drop, 0.95, measure="balanced")


def test_lost_rare_class_satisfies_a_contract_on_accuracy_and_breaks_one_on_balanced_accuracy():
    labels = [0] * 960 + [1] * 40
    predictions = [0] * 985 + [1] * 15
    accuracy = judge_scores(make_scored(labels, labels, predictions, classes=CLASSES), 0.05, 0.95)
    balanced = judge_balanced(labels, labels, predictions, 0.05)
    assert (accuracy.outcome, accuracy.measure, accuracy.drop) == ("PASS", "accuracy", 0.025)
    assert (balanced.outcome, balanced.measure, balanced.drop) == ("FAIL", "balanced", pytest.approx(25 / 40 / 2))
    assert (balanced.accuracy, balanced.broke, balanced.drop_low > 0.2) == (accuracy.accuracy, 25, True)
    assert balanced.read_accuracy("balanced") == (1.0, pytest.approx((1 + 15 / 40) / 2))


def test_gain_in_the_large_class_does_not_outweigh_a_loss_in_the_rare_one():
    labels = [0] * 960 + [1] * 40
    reference = [1] * 20 + [0] * 940 + [1] * 40
    artifact = [0] * 980 + [1] * 20
    verdict = judge_balanced(labels, reference, artifact, 0.1)
    assert verdict.broke == verdict.fixed == 20 and verdict.accuracy == verdict.reference_accuracy
    assert verdict.drop == pytest.approx((20 / 40 - 20 / 960) / 2) and verdict.outcome == "FAIL"


def test_photos_needed_for_balanced_accuracy_have_the_same_shares_of_the_classes():
    labels = [0] * 300 + [1] * 10
    verdict = judge_balanced(labels, labels, labels, 0.05)
    assert verdict.outcome == "UNDECIDED" and verdict.photos_needed > 300
    factor = 1 + verdict.photos_needed / 310
    many = [0] * round(300 * factor) + [1] * round(10 * factor)
    assert judge_balanced(many, many, many, 0.05).outcome == "PASS"


def test_class_without_photos_has_no_balanced_accuracy():
    with pytest.raises(DataError, match="test photos of every class, and there are none of bee") as caught:
        judge_balanced([0] * 10, [0] * 10, [0] * 10)
    assert "--contract balanced" in caught.value.hint


def test_groups_of_the_rare_class_widen_a_verdict_on_balanced_accuracy():
    labels = [0] * 300 + [1] * 60
    artifact = [0] * 303 + [1] * 57
    scored = make_scored(labels, labels, artifact, classes=CLASSES)
    grouped = group_photos(scored, *(f"burst {row // 3}" if row >= 300 else "" for row in range(360)))
    plain, verdict = (
        judge_scores(scores, 0.02, 0.95, measure="balanced")
        for scores in (
            replace(scored, classes=CLASSES[:2], reference=scored.reference[:, :2], artifact=scored.artifact[:, :2]),
            replace(grouped, classes=CLASSES[:2], reference=scored.reference[:, :2], artifact=scored.artifact[:, :2]),
        )
    )
    assert plain.design_effect == 1.0 and verdict.design_effect > 2 and verdict.drop_high > plain.drop_high
    assert count_pairs(verdict).compute_bounds(0.95) == (verdict.drop_low, verdict.drop_high)


def test_never_predicted_and_rarely_judged_classes_are_warnings_of_the_verdict():
    labels = [0] * 78 + [1] * 3
    verdict = judge_balanced(labels, [0] * 81, [0] * 81)
    assert {warning.kind: warning.message for warning in verdict.warnings} == {
        "never_predicted": "1 of 2 classes is never predicted: bee",
        "few_class_photos": "1 of 2 classes has fewer than 5 test photos: bee (3)",
    }
    assert Verdict.from_json(verdict.to_json(Path("/run")), Path("/run")) == verdict
