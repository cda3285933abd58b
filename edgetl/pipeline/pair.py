"""A reference and an artifact that were made anywhere → Verdict: `verify` without a run folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core import formats
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics, verdict
from edgetl.core.photos import dataset, photo_folder, pixel_store
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Fit, InputSpec, Verdict
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPair:
    """The files. Both models take raw RGB 0..255; their outputs are in the order of the names of the class folders."""

    reference: Path
    artifact: Path
    photos: Path
    fit: Fit


def judge_pair(pair: ModelPair, contract: ContractRecipe, *, console: Console) -> Verdict:
    """Predict the test part of a split folder, or all photos, with both models, and judge the difference.

    Raises:
        ConfigError: a file that is no model, or models and photos that do not match.
        DataError: the photos cannot be used.
    """
    for path in (pair.reference, pair.artifact):
        if not path.is_file():
            raise ConfigError("no such model file", where=(path,))
    model = keras_model.load_model(pair.reference)
    row = formats.find_format(pair.artifact)
    input_spec = InputSpec(side_px=keras_model.read_input_side(model), fit=pair.fit)
    folder = photo_folder.scan_photos(pair.photos)
    with console.bar("photos", len(folder.files), "photos") as bar:
        facts = pixel_store.fill_pixel_store(folder.root, folder.paths, input_spec, progress=bar.advance)
    photos, left_out = dataset.select_test_photos(folder, facts)
    for left in left_out:
        console.warn(f"{left.path} is left out: {left.reason}")
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    with console.bar("Keras", len(photos), "photos") as bar:
        reference = keras_model.predict_scores(model, pixels, bar.advance)
    with console.bar(row.runtime, len(photos), "photos") as bar:
        predictions = BACKENDS[row.name].predict(pair.artifact, pixels, row.fast_kernels, bar.advance)
    scores = metrics.expand_sigmoid(predictions.scores)
    for name, array in (("reference", reference), ("artifact", scores)):
        if array.shape[1] != len(folder.classes):
            raise ConfigError(
                f"the {name} predicts {array.shape[1]} classes, the photos have {len(folder.classes)}",
                where=(pair.photos,),
                hint="one folder for each class of the model, named so that they sort in the order of its outputs",
            )
    scored = verdict.ScoredPhotos(
        method=pair.artifact.name,
        artifact_sha256=hash_file(pair.artifact),
        part="test",
        photos=photos,
        classes=folder.classes,
        reference=reference,
        artifact=scores,
        host_ms=predictions.invoke_ms,
    )
    try:
        labels = np.array([photo.label for photo in photos])
        hops = verdict.build_ledger(labels, [("reference", reference), ("artifact", scores)])
        return verdict.judge_scores(scored, contract.limit_drop, contract.confidence, hops)
    except ValueError as error:
        raise ConfigError(
            f"the scores cannot be judged: {error}",
            where=(pair.reference, pair.artifact),
            hint="both models must output probabilities: end them in a softmax, or in one sigmoid for two classes",
        ) from error
