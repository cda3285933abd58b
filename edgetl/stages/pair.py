"""A Keras model and a .tflite or .onnx file made anywhere, and photos that neither has seen → Verdict."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core import formats
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.verdict import ScoredPhotos, build_ledger, judge_scores
from edgetl.core.photos import dataset, photo_folder, pixel_store
from edgetl.core.recipe import ContractRecipe
from edgetl.core.records import Fit, InputSpec, Verdict
from edgetl.core.runs import hash_file
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The files. Both models take raw RGB 0..255; their outputs are in the order of the class folders' names."""

    reference: Path
    artifact: Path
    photos: Path
    fit: Fit


def judged(pair: Pair, contract: ContractRecipe, *, console: Console) -> Verdict:
    """Let both answer the photos (the test part of a split folder, else all) and judge the difference.

    Raises:
        ConfigError: a file that is no model, or models and photos that do not fit each other.
        DataError: the photos cannot be used.
    """
    for path in (pair.reference, pair.artifact):
        if not path.is_file():
            raise ConfigError("no such model file", where=(path,))
    model = keras_model.load_model(pair.reference)
    form = formats.find_format(pair.artifact)
    shape = InputSpec(side_px=keras_model.read_input_side(model), fit=pair.fit)
    tree = photo_folder.scan_photos(pair.photos)
    with console.bar("photos", len(tree.files), "photos") as bar:
        glimpses = pixel_store.fill_pixel_store(tree.root, tree.paths, shape, progress=bar.advance)
    photos, left_out = dataset.select_test_photos(tree, glimpses)
    for left in left_out:
        console.warn(f"{left.path} is left out: {left.reason}")
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], shape)
    with console.bar("Keras", len(photos), "photos") as bar:
        reference = keras_model.predict_scores(model, pixels, bar.advance)
    with console.bar(form.runtime, len(photos), "photos") as bar:
        ran = backends.predict_with(pair.artifact, pixels, form.fast_kernels, bar.advance)
    answers = keras_model.expand_sigmoid(ran.scores)
    for name, scores in (("reference", reference), ("artifact", answers)):
        if scores.shape[1] != len(tree.classes):
            raise ConfigError(
                f"the {name} tells {scores.shape[1]} classes apart, the photos have {len(tree.classes)}",
                where=(pair.photos,),
                hint="one folder for each class the model knows, named so that they sort in the order of its outputs",
            )
    steps = [("reference", reference), ("artifact", answers)]
    told = ScoredPhotos(
        method=pair.artifact.name,
        artifact_sha256=hash_file(pair.artifact),
        part="test",
        photos=photos,
        classes=tree.classes,
        reference=reference,
        artifact=answers,
        host_ms=ran.invoke_ms,
    )
    try:
        hops = build_ledger(np.array([photo.label for photo in photos]), steps)
        return judge_scores(told, contract.limit_drop, contract.confidence, hops)
    except ValueError as error:
        raise ConfigError(
            f"the answers cannot be judged: {error}",
            where=(pair.reference, pair.artifact),
            hint="both models must answer probabilities: end them in a softmax, or in one sigmoid for two classes",
        ) from error
