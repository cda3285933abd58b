"""Trained → Retrained: a few more epochs with integer rounding in the loop, or until weights are zero or alike."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.console import Console
from edgetl.core.photos import calibration_audit
from edgetl.core.photos import dataset as datasets
from edgetl.core.progress import ConsoleListener
from edgetl.core.recipe import Recipe, RetrainKind
from edgetl.core.records import Dataset, Photo, Trained
from edgetl.core.retrain_job import AGREEMENT_PHOTOS, RetrainedModel
from edgetl.core.runs import hash_file
from edgetl.engines.keras.training_log import TrainingLog
from edgetl.engines.tfmot import launcher
from edgetl.engines.tfmot.launcher import RetrainRequest

_TITLES = {
    "calibrate": "activation ranges to start from",
    "qat": "training with the rounding",
    "prune": "training towards zeros",
    "cluster": "training towards few values",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Retraining:
    """What is to be done to which model, with which photos."""

    kind: RetrainKind
    trained: Trained
    dataset: Dataset
    recipe: Recipe


def retrain(asked: Retraining, folder: Path, *, console: Console) -> RetrainedModel:
    """Retrain in a child process; the model, log.csv and tensorboard/ come into `folder`.

    Raises:
        DataError: the decoded photos are gone from the cache, or cannot set ranges.
        StageError: a layer that cannot be carried over or quantized, or a training that diverged.
    """
    recipe, trained = asked.recipe, asked.trained
    photos = datasets.draw_calibration_photos(asked.dataset, recipe.convert.calibration_photos, recipe.training.seed)
    if asked.kind == "qat":
        calibration_audit.audit_calibration(photos, asked.dataset, trained.input)
    proof = tuple(_proof(asked.dataset, photos))
    wanted = RetrainRequest(
        kind=asked.kind,
        input=trained.input,
        dataset=asked.dataset,
        calibration=photos,
        proof=proof,
        recipe=recipe,
    )
    log = TrainingLog(folder)
    with ConsoleListener(console, _TITLES, log.epoch) as watching:
        outcome = launcher.run_retraining(trained.path, wanted, folder, watching.watch)
    log.close()
    console.say(
        f"  {asked.kind}: validation {outcome.start_accuracy:.4f} at the start, {outcome.accuracy:.4f} after epoch "
        f"{outcome.best_epoch} of {outcome.epochs}" + (f"; {outcome.note}" if outcome.note else "")
    )
    files = {
        path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return RetrainedModel(
        kind=asked.kind,
        folder=folder,
        files=files,
        sha256=hashlib.sha256("".join(files.values()).encode()).hexdigest(),
        proof=tuple(photo.sha256 for photo in proof),
        outcome=outcome,
    )


def _proof(dataset: Dataset, photos: tuple[Photo, ...]) -> Iterator[Photo]:
    """The validation photos; where they are few, training photos too: one flip in ten photos would say nothing."""
    yield from dataset.validation
    yield from photos[: max(0, AGREEMENT_PHOTOS - len(dataset.validation))]
