"""procedure.py: predictions of all folds are pooled, and the pooled bounds hold as often as they say."""

from dataclasses import replace

import numpy as np
import pytest

from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.evaluation.procedure import (
    JUDGED,
    FoldPredictions,
    ProcedureTerms,
    ProcedureVerdict,
    judge_procedure,
)
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds

TERMS = ProcedureTerms(target="tflite", method="int8", limit_drop=0.02, confidence=0.95)


def make_fold(photos: int, broke: int, fixed: int) -> FoldPredictions:
    """Photos of class 0: both right, except `broke` that only the file gets wrong and `fixed` that only Keras does."""

    def predict(wrong: slice) -> np.ndarray:
        scores = np.tile(np.array([[0.9, 0.1]], np.float32), (photos, 1))
        scores[wrong] = [0.2, 0.8]
        return scores

    return FoldPredictions(
        labels=np.zeros(photos, np.int64),
        artifact=predict(slice(0, broke)),
        reference=predict(slice(broke, broke + fixed)),
    )


def test_folds_are_pooled():
    verdict = judge_procedure([make_fold(100, 3, 1), make_fold(120, 0, 2), make_fold(80, 1, 0)], TERMS)
    assert (verdict.photos, verdict.broke, verdict.fixed) == (300, 4, 3)
    assert (verdict.reference_accuracy, verdict.accuracy) == (297 / 300, 296 / 300)
    assert verdict.drop == pytest.approx(1 / 300)
    assert (verdict.drop_low, verdict.drop_high) == compute_tango_interval(4, 3, 300)
    assert (verdict.accuracy_low, verdict.accuracy_high) == compute_wilson_bounds(296, 300, confidence=0.95)
    assert [(fold.fold, fold.photos, fold.broke, fold.fixed) for fold in verdict.folds] == [
        (1, 100, 3, 1),
        (2, 120, 0, 2),
        (3, 80, 1, 0),
    ]
    assert (verdict.target, verdict.method, verdict.judges) == ("tflite", "int8", JUDGED)


@pytest.mark.parametrize(("broke", "outcome"), [(0, "PASS"), (12, "UNDECIDED"), (60, "FAIL")])
def test_outcome_follows_from_all_photos(broke, outcome):
    verdict = judge_procedure([make_fold(200, broke, 0), make_fold(200, 0, 0)], TERMS)
    assert verdict.outcome == outcome and (verdict.photos_needed == 0) == (outcome != "UNDECIDED")


def test_verdict_on_the_procedure_is_the_same_after_writing_and_reading(tmp_path):
    verdict = judge_procedure([make_fold(50, 1, 1), make_fold(50, 0, 0)], TERMS)
    value = verdict.to_json(tmp_path)
    assert value["judges"] == "the procedure, not this file"
    assert ProcedureVerdict.from_json(value, tmp_path) == verdict


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_upper_bound_holds_for_files_that_differ_between_folds(spread):
    """Every fold has a file of its own with its own rates, around those of the procedure."""
    generator = np.random.default_rng(5)
    broke_rate, fixed_rate, photos, folds, draws = 0.03, 0.015, 120, 5, 600
    held = 0
    for _ in range(draws):
        factors = generator.uniform(1 - spread, 1 + spread, (folds, 2))
        counts = [
            generator.multinomial(
                photos, [broke_rate * broke, fixed_rate * fixed, 1 - broke_rate * broke - fixed_rate * fixed]
            )
            for broke, fixed in factors
        ]
        broke, fixed, _ = np.sum(counts, axis=0)
        _, high = compute_tango_interval(int(broke), int(fixed), photos * folds)
        held += high >= broke_rate - fixed_rate
    assert held / draws >= 0.93


def test_groups_of_all_folds_widen_the_bounds():
    folds = [make_fold(100, 4, 0), make_fold(100, 0, 0)]
    grouped = [
        replace(fold, groups=tuple(f"{number} {row // 4}" for row in range(100))) for number, fold in enumerate(folds)
    ]
    plain, verdict = judge_procedure(folds, TERMS), judge_procedure(grouped, TERMS)
    assert (verdict.groups, [fold.groups for fold in verdict.folds]) == (50, [25, 25])
    assert verdict.design_effect > 2 and verdict.drop_high > plain.drop_high


def test_procedure_is_judged_by_balanced_accuracy_of_all_folds():
    """The file of one fold loses 8 of 10 photos of the rare class."""

    def make_rare_fold(lost: int) -> FoldPredictions:
        labels = np.repeat([0, 1], [190, 10])
        reference, artifact = np.eye(2)[labels], np.eye(2)[labels]
        artifact[190 : 190 + lost] = [1, 0]
        return FoldPredictions(labels=labels, reference=reference, artifact=artifact)

    verdict = judge_procedure([make_rare_fold(8), make_rare_fold(0)], replace(TERMS, measure="balanced"))
    assert (verdict.measure, verdict.drop) == ("balanced", pytest.approx(8 / 20 / 2))
    assert verdict.outcome == "FAIL" and verdict.drop_low < 0.2 < verdict.drop_high
    assert (verdict.accuracy, verdict.balanced_accuracy) == (0.98, pytest.approx(0.8))
    assert judge_procedure([make_rare_fold(8), make_rare_fold(0)], TERMS).outcome != "FAIL"
