"""cross_fit.py: the scores of all folds are read and pooled."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation.procedure import JUDGED
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import Photo, Scores
from edgetl.stages.cross_fit import CrossFitRequest, FoldScores, judge_folds

CONTRACT = resolve_recipe("default", {"contract": {"limit_drop": 0.05, "confidence": 0.9}}).contract


def save_scores(path: Path, predicted: list[int]) -> Scores:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.eye(2, dtype=np.float32)[predicted])
    return Scores.model_construct(path=path, photos=len(predicted))


def make_fold(folder: Path, labels: list[int], reference: list[int], artifact: list[int]) -> FoldScores:
    return FoldScores(
        photos=tuple(Photo(path=f"{row}", label=label, sha256=f"{row:064x}") for row, label in enumerate(labels)),
        reference=save_scores(folder / "keras.npy", reference),
        artifact=save_scores(folder / "file.npy", artifact),
    )


def test_folds_are_pooled_under_the_contract_of_the_recipe(tmp_path):
    folds = (
        make_fold(tmp_path / "1", [0, 1, 1], [0, 1, 1], [0, 1, 0]),
        make_fold(tmp_path / "2", [0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]),
    )
    verdict = judge_folds(None, CrossFitRequest(target="onnx", method="int8", folds=folds), CONTRACT)
    assert (verdict.photos, verdict.broke, verdict.fixed) == (7, 1, 1)
    assert [fold.photos for fold in verdict.folds] == [3, 4]
    assert (verdict.target, verdict.method, verdict.judges) == ("onnx", "int8", JUDGED)
    assert (verdict.limit_drop, verdict.confidence) == (0.05, 0.9)


def test_procedure_is_judged_by_the_measure_of_the_recipe(tmp_path):
    folds = (make_fold(tmp_path / "1", [0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 0]),)
    request = CrossFitRequest(target="onnx", method="int8", folds=folds)
    verdict = judge_folds(None, request, CONTRACT.model_copy(update={"measure": "balanced"}))
    assert (verdict.measure, verdict.drop) == ("balanced", 0.25)


def test_scores_of_other_photos_are_an_error(tmp_path):
    fold = make_fold(tmp_path, [0, 1, 1], [0, 1], [0, 1])
    with pytest.raises(StageError, match="cannot be judged") as caught:
        judge_folds(None, CrossFitRequest(target="tflite", method="int8", folds=(fold,)), CONTRACT)
    assert str(tmp_path / "file.npy") in map(str, caught.value.where)
