"""Scores of reference and artifact for the same photos → Verdict. No model runs here."""

from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.evaluation import verdict
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Photo, Scores
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.core.verdict_records import LedgerHop, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Scores to compare, and the photos and classes that they belong to.

    Attributes:
        method: conversion method of the artifact.
        photos: the photos of both scores, in order.
        classes: class names.
        reference: scores of the Keras model.
        artifact: scores of the artifact.
        thresholds: of the labels of which a photo may have several; empty where it has one class.
        temperature: that of the Keras model, which its scores contain; 1 for none.
        steps: name and scores of each hop of the ledger, the reference first. Some scores may cover fewer photos, drawn
            with `metrics.sample_evenly`.
    """

    method: str
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    reference: Scores
    artifact: Scores
    steps: tuple[tuple[str, Scores], ...] = ()
    thresholds: tuple[float, ...] = ()
    temperature: float = 1.0


def verify_artifact(_work: Workspace, case: Case, contract: ContractRecipe) -> Verdict:
    """Judge a case as a stage, which writes no file: see `judge_case`."""
    return judge_case(case, contract)


def judge_case(case: Case, contract: ContractRecipe) -> Verdict:
    """Judge the difference between reference and artifact.

    Raises:
        DataError: the contract holds balanced accuracy, and a class has no photos.
        StageError: the scores are not of these photos, or not finite.
    """
    try:
        scores = ScoredPhotos(
            method=case.method,
            artifact_sha256=case.artifact.model_sha256,
            part=case.reference.part,
            photos=case.photos,
            classes=case.classes,
            reference=_load(case.reference),
            artifact=_load(case.artifact),
            host_ms=case.artifact.invoke_ms,
            host_disturbed=case.artifact.disturbed,
            task=make_task(case.thresholds),
            temperature=case.temperature,
        )
        return verdict.judge_scores(
            scores, contract.limit_drop, contract.confidence, _build_hops(case), contract.measure
        )
    except ValueError as error:
        raise StageError(f"the scores cannot be judged: {error}", where=(case.artifact.path,)) from error


def _build_hops(case: Case) -> tuple[LedgerHop, ...]:
    steps = [(name, _load(scores)) for name, scores in case.steps]
    return verdict.build_ledger(list_labels(case.photos), steps, make_task(case.thresholds))


def _load(scores: Scores) -> np.ndarray:
    array: np.ndarray = read_array(scores.path)
    return array
