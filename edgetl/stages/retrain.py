"""Trained model → RetrainedModel: quantization-aware training, pruning or clustering, in a child process."""

import hashlib
from collections.abc import Iterator

from edgetl.core.photos import calibration_audit
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.progress import listen_on_console
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.records import Dataset, Photo, Trained
from edgetl.core.retrain_job import AGREEMENT_PHOTOS, RetrainedModel
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras.training_log import TrainingLog
from edgetl.engines.tfmot import launcher
from edgetl.engines.tfmot.launcher import RetrainRequest

_TITLES = {
    "calibrate": "initial activation ranges",
    "qat": "quantization-aware training",
    "prune": "pruning",
    "cluster": "clustering",
}


def retrain_model(
    work: Workspace, kind: RetrainKind, trained: Trained, dataset: Dataset, recipe: RetrainingTables
) -> RetrainedModel:
    """Retrain in a child process; write the model, log.csv and tensorboard/.

    Raises:
        DataError: the decoded photos are not in the cache any more, or cannot set ranges.
        StageError: a layer that cannot be translated to Keras 2 or quantized, or training diverged.
    """
    photos = draw_calibration_photos(dataset, recipe.convert.calibration_photos, recipe.training.seed)
    # Only quantization-aware training sets activation ranges.
    if kind == "qat":
        calibration_audit.audit_calibration(photos, dataset, trained.input)
    agreement_photos = tuple(_select_agreement_photos(dataset, photos))
    request = RetrainRequest(
        kind=kind,
        input=trained.input,
        dataset=dataset,
        calibration=photos,
        agreement_photos=agreement_photos,
        recipe=recipe,
        # A model made elsewhere, which has no phases, is the reference as it is, and so are its probabilities.
        fits_temperature=recipe.training.temperature and bool(trained.phases),
    )
    log = TrainingLog(work.folder)
    with listen_on_console(work.console, _TITLES, log.epoch) as listener:
        outcome = launcher.run_retraining(trained.path, request, work.folder, listener)
    log.close()
    work.console.say(
        f"  {kind}: validation {outcome.start_accuracy:.4f} at the start, {outcome.accuracy:.4f} after epoch "
        f"{outcome.best_epoch} of {outcome.epochs}" + (f"; {outcome.note}" if outcome.note else "")
    )
    # A SavedModel is a folder, so the record lists every file.
    files = {
        path.relative_to(work.folder).as_posix(): hash_file(path)
        for path in sorted(work.folder.rglob("*"))
        if path.is_file()
    }
    return RetrainedModel(
        kind=kind,
        folder=work.folder,
        files=files,
        sha256=hashlib.sha256("".join(files.values()).encode()).hexdigest(),
        agreement_sha256s=tuple(photo.sha256 for photo in agreement_photos),
        outcome=outcome,
    )


def _select_agreement_photos(dataset: Dataset, photos: tuple[Photo, ...]) -> Iterator[Photo]:
    """Select the validation photos, and training photos where those are few: 1 of 10 photos would be 10 %."""
    yield from dataset.validation
    yield from photos[: max(0, AGREEMENT_PHOTOS - len(dataset.validation))]
