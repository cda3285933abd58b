"""Scores of reference and artifact on the same photos → Verdict. Nothing is run here: the heavy part has fed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation import verdict as verdict_rules
from edgetl.core.recipe import ContractRecipe
from edgetl.core.records import LedgerHop, Photo, Scores, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is judged: one method's answers beside the reference's, to `photos` in this order.

    `steps` are the hops of the ledger by name, the reference first; each may cover fewer photos, evenly drawn
    (`metrics.evenly`), and then all are compared on those.
    """

    method: str
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    reference: Scores
    artifact: Scores
    steps: tuple[tuple[str, Scores], ...] = ()


def verify(case: Case, contract: ContractRecipe) -> Verdict:
    """Judge the difference.

    Raises:
        StageError: the scores are not answers to these photos, or hold something that is no number.
    """
    try:
        return verdict_rules.judge_scores(
            verdict_rules.ScoredPhotos(
                method=case.method,
                artifact_sha256=case.artifact.model_sha256,
                part=case.reference.part,
                photos=case.photos,
                classes=case.classes,
                reference=_loaded(case.reference),
                artifact=_loaded(case.artifact),
                host_ms=case.artifact.invoke_ms,
            ),
            contract.limit_drop,
            contract.confidence,
            _hops(case),
        )
    except ValueError as error:
        raise StageError(f"the answers cannot be judged: {error}", where=(case.artifact.path,)) from error


def _hops(case: Case) -> tuple[LedgerHop, ...]:
    if not case.steps:
        return ()
    fewest = min(scores.photos for _, scores in case.steps)
    rows = metrics.sample_evenly(len(case.photos), fewest)
    labels = np.array([case.photos[row].label for row in rows], dtype=np.int64)
    return verdict_rules.build_ledger(labels, [(name, _on(scores, rows)) for name, scores in case.steps])


def _on(scores: Scores, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    loaded = _loaded(scores)
    return loaded if len(loaded) == len(rows) else loaded[rows]


def _loaded(scores: Scores) -> np.ndarray:
    array: np.ndarray = np.load(scores.path, allow_pickle=False)
    return array
