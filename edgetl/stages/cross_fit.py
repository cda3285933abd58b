"""Scores of K folds → ProcedureVerdict. No model runs here."""

from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.evaluation.procedure import FoldPredictions, ProcedureTerms, ProcedureVerdict, judge_procedure
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Photo, Scores
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldScores:
    """Scores of one fold's Keras model and file for its test photos, in the order of `photos`."""

    photos: tuple[Photo, ...]
    reference: Scores
    artifact: Scores


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossFitRequest:
    """The folds of one procedure.

    Attributes:
        target: id of the target whose kernels computed the scores of the files.
        method: conversion method of all files.
        folds: in order.
    """

    target: str
    method: str
    folds: tuple[FoldScores, ...]


def judge_folds(_work: Workspace, request: CrossFitRequest, contract: ContractRecipe) -> ProcedureVerdict:
    """Judge a procedure as a stage, which writes no file: see `judge_procedure`.

    Raises:
        StageError: the scores are not of these photos, or not finite.
    """
    terms = ProcedureTerms(
        target=request.target,
        method=request.method,
        limit_drop=contract.limit_drop,
        confidence=contract.confidence,
        measure=contract.measure,
    )
    try:
        return judge_procedure([_load(fold) for fold in request.folds], terms)
    except ValueError as error:
        places = tuple(fold.artifact.path for fold in request.folds)
        raise StageError(f"the scores of the folds cannot be judged: {error}", where=places) from error


def _load(fold: FoldScores) -> FoldPredictions:
    return FoldPredictions(
        labels=np.array([photo.label for photo in fold.photos], dtype=np.int64),
        reference=read_array(fold.reference.path),
        artifact=read_array(fold.artifact.path),
        groups=tuple(photo.group for photo in fold.photos),
    )
