"""Scores of K folds → a verdict on the procedure that made their files: training and conversion, on all photos.

Each fold's file predicts photos that it was not made from. The verdict pools them. It is no verdict on any one file,
and the delivered file is another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.balanced.measures import count_scores
from edgetl.core.evaluation.contract import decide_outcome
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds
from edgetl.core.verdict_records import Comparison, Measure, Outcome

# Every table, sentence and JSON of such a verdict contains these words.
JUDGED = "the procedure, not this file"


class FoldComparison(Comparison):
    """Predictions of one fold's file, compared with its Keras model on its own test photos. `fold` counts from 1."""

    fold: int


class ProcedureVerdict(Comparison):
    """The accuracy that training and conversion by `method` cost, each photo judged once by a file not made from it.

    `measure` is that of a `Verdict`. The fields of a comparison are those of all folds together. `drop_low` and
    `drop_high` are one-sided bounds at `confidence`, `accuracy_low` and `accuracy_high` likewise. Those of the accuracy
    treat the photos as independent. `photos_needed` is that of a `Verdict`.
    """

    judges: Literal["the procedure, not this file"]
    target: str
    method: str
    drop: float
    drop_low: float
    drop_high: float
    accuracy_low: float
    accuracy_high: float
    confidence: float
    limit_drop: float
    outcome: Outcome
    photos_needed: int | None
    folds: tuple[FoldComparison, ...]
    measure: Measure = "accuracy"


# Compared by identity: arrays have no truth value that a generated __eq__ could use.
@dataclass(frozen=True, kw_only=True, eq=False)
class FoldPredictions:
    """Predictions for the test photos of one fold.

    Attributes:
        labels: int [photos].
        reference: float [photos, classes] of the fold's Keras model.
        artifact: float [photos, classes] of the fold's file.
        groups: name of the group of each photo, "" for none; empty if no photo has one.
    """

    labels: np.ndarray
    reference: np.ndarray
    artifact: np.ndarray
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcedureTerms:
    """What is judged, and by which limit: see the fields of `ProcedureVerdict`."""

    target: str
    method: str
    limit_drop: float
    confidence: float
    measure: Measure = "accuracy"


def judge_procedure(folds: Sequence[FoldPredictions], terms: ProcedureTerms) -> ProcedureVerdict:
    """Pool the predictions of all folds and decide whether the procedure satisfies the contract.

    Raises:
        ValueError: see `metrics.compare_scores`, or a limit or confidence out of range.
    """
    labels, reference, artifact = (
        np.concatenate([getattr(fold, name) for fold in folds]) for name in ("labels", "reference", "artifact")
    )
    groups = [group for fold in folds for group in fold.groups]
    pooled = metrics.compare_scores(labels, reference, artifact, groups)
    counts = count_scores(pooled, terms.measure, labels, (reference, artifact), groups)
    decision = decide_outcome(counts, terms.limit_drop, confidence=terms.confidence)
    correct = round(pooled.accuracy * pooled.photos)
    low, high = compute_wilson_bounds(correct, pooled.photos, confidence=terms.confidence)
    return ProcedureVerdict(
        **dict(pooled.model_copy(update={"design_effect": counts.design_effect})),
        judges=JUDGED,
        measure=terms.measure,
        target=terms.target,
        method=terms.method,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        accuracy_low=low,
        accuracy_high=high,
        confidence=terms.confidence,
        limit_drop=terms.limit_drop,
        outcome=decision.outcome,
        photos_needed=decision.photos_needed,
        folds=tuple(
            FoldComparison(
                fold=number,
                **dict(metrics.compare_scores(fold.labels, fold.reference, fold.artifact, fold.groups)),
            )
            for number, fold in enumerate(folds, 1)
        ),
    )
