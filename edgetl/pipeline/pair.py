"""A reference and an artifact that were made anywhere → Verdict: `verify` without a run folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core import formats
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics, verdict
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.parallel import Predictions
from edgetl.core.photos import dataset, photo_folder, pixel_store
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Dataset, Fit, InputSpec, Photo, Trained
from edgetl.core.report.left_out import describe_left_out, tabulate_left_out
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.storage.files import hash_file
from edgetl.core.storage.regular_files import check_regular
from edgetl.core.verdict_records import Verdict
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.load import load_saved_model

# Rounding in a model may move the sum of its probabilities away from 1 by less than this.
_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPair:
    """Two models and photos to compare them on.

    Both models take raw RGB 0..255, and their outputs are in the order of the sorted names of the class folders.

    Attributes:
        reference: a .keras, .h5 or .onnx file, or a SavedModel folder.
        artifact: a .tflite or .onnx file.
        photos: folder with one folder per class; of a split folder, only the test part is used.
        fit: how a photo is brought to the shape of the input.
    """

    reference: Path
    artifact: Path
    photos: Path
    fit: Fit


def judge_pair(pair: ModelPair, contract: ContractRecipe, *, console: Console) -> Verdict:
    """Predict the photos with both models, and judge the difference.

    Raises:
        ConfigError: a file that is not a model, or models and photos that do not match.
        DataError: the photos cannot be used.
    """
    check_regular(pair.artifact, "model file")
    # A SavedModel is a folder.
    if not pair.reference.is_dir():
        check_regular(pair.reference, "model file")
    _check_one_class(pair.reference)
    model = load_saved_model(pair.reference)
    # An error in the artifact's name must not come after minutes of decoding.
    formats.find_format(pair.artifact)
    height_px, width_px = keras_model.read_input_size(model)
    input_spec = InputSpec(height_px=height_px, width_px=width_px, fit=pair.fit)
    photo_set, classes = _read_photos(pair.photos, input_spec, console)
    seen = count_seen_photos(pair.reference, photo_set.photos)
    if seen:
        console.warn(
            f"{seen} of {len(photo_set.photos)} photos were training or validation photos of {pair.reference}: "
            "accuracy on them says nothing about new photos"
        )
    reference, predictions = _predict(pair, model, photo_set, console)
    artifact = metrics.expand_sigmoid(predictions.scores)
    _check_classes(pair, {"reference": reference, "artifact": artifact}, classes)
    _check_sums(pair, reference)
    scores = ScoredPhotos(
        method=pair.artifact.name,
        artifact_sha256=hash_file(pair.artifact),
        part=photo_set.part,
        photos=photo_set.photos,
        classes=classes,
        reference=reference,
        artifact=artifact,
        host_ms=predictions.latency.ms,
        host_disturbed=predictions.latency.disturbed,
    )
    try:
        # ValueError: scores that are not probabilities. In a run they would be a defect, here they come from the user.
        labels = np.array([photo.label for photo in photo_set.photos])
        hops = verdict.build_ledger(labels, [("reference", reference), ("artifact", artifact)])
        return verdict.judge_scores(scores, contract.limit_drop, contract.confidence, hops, contract.measure)
    except ValueError as error:
        raise ConfigError(
            f"the scores cannot be judged: {error}",
            where=(pair.reference, pair.artifact),
            hint="both models must output probabilities: end them in a softmax, or in one sigmoid for two classes",
        ) from error


def count_seen_photos(reference: Path, photos: Sequence[Photo]) -> int:
    """Count the photos that a model of a run folder was trained or validated on; 0 for a model from elsewhere."""
    finished = read_finished_stage(reference.absolute().parent.parent / "ingest", Dataset)
    if finished is None:
        return 0
    seen = {photo.sha256 for photo in (*finished.record.train, *finished.record.validation)}
    return sum(photo.sha256 in seen for photo in photos)


def _read_photos(root: Path, input_spec: InputSpec, console: Console) -> tuple[PhotoSet, tuple[str, ...]]:
    """Decode the photos; return those of the test part, or all of an unsplit folder, and the class names."""
    folder = photo_folder.scan_photos(root)
    with console.bar("photos", len(folder.files), "photos") as bar:
        facts = pixel_store.fill_pixel_store(
            folder.root, folder.paths, input_spec, progress=bar.advance, warn=console.warn
        )
    photos, left_out = dataset.select_test_photos(folder, facts)
    if left_out:
        console.warn(describe_left_out(left_out))
        console.table(*tabulate_left_out(left_out))
    return PhotoSet(part="test", photos=photos, input_spec=input_spec), folder.classes


def _predict(pair: ModelPair, model: Any, photo_set: PhotoSet, console: Console) -> tuple[np.ndarray, Predictions]:
    """Predict the photos with the reference, float [photos, classes], and with the artifact."""
    row, pixels = formats.find_format(pair.artifact), photo_set.open_pixels()
    with console.bar("Keras", len(photo_set.photos), "photos") as bar:
        reference = keras_model.predict_scores(model, pixels, bar.advance)
    with console.bar(row.runtime, len(photo_set.photos), "photos") as bar:
        return reference, BACKENDS[row.name].predict(pair.artifact, pixels, row.fast_kernels, bar.advance)


def _check_one_class(reference: Path) -> None:
    """Refuse the model of a run with several labels, whose thresholds a pair of files does not have."""
    finished = read_finished_stage(reference.absolute().parent, Trained)
    if finished is not None and finished.record.thresholds:
        raise ConfigError(
            "the reference predicts several labels of a photo, and two files are compared by one class",
            where=(reference,),
            hint=f"edgetl verify {reference.parent.parent} judges its file with the labels and thresholds of the run",
        )


def _check_sums(pair: ModelPair, reference: np.ndarray) -> None:
    within = bool((reference >= 0).all() and (reference <= 1 + _SUM_TOLERANCE).all())
    if within and not np.allclose(reference.sum(axis=1), 1, atol=_SUM_TOLERANCE):
        raise ConfigError(
            "the reference predicts independent probabilities: their sum is not 1, and a photo has one class",
            where=(pair.reference,),
            hint="edgetl build --model FILE PHOTOS --multi-label judges a model with several labels",
        )


def _check_classes(pair: ModelPair, scores: dict[str, np.ndarray], classes: tuple[str, ...]) -> None:
    for name, array in scores.items():
        if array.shape[1] != len(classes):
            raise ConfigError(
                f"the {name} predicts {array.shape[1]} classes, the photos have {len(classes)}",
                where=(pair.photos,),
                hint="one folder for each class of the model, named so that they sort in the order of its outputs",
            )
