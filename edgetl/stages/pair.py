"""A Keras model and a .tflite or .onnx file made anywhere, and photos that neither has seen → Verdict."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core import formats
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.verdict import Answers, judge, ledger
from edgetl.core.photos import dataset, pixel_store
from edgetl.core.recipe import Contract
from edgetl.core.records import Fit, Input, Verdict
from edgetl.core.runs import sha256_of
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The files. Both models take raw RGB 0..255; their outputs are in the order of the class folders' names."""

    reference: Path
    artifact: Path
    photos: Path
    fit: Fit


def judged(pair: Pair, contract: Contract, *, console: Console) -> Verdict:
    """Let both answer the photos (the test part of a split folder, else all) and judge the difference.

    Raises:
        ConfigError: a file that is no model, or models and photos that do not fit each other.
        DataError: the photos cannot be used.
    """
    for path in (pair.reference, pair.artifact):
        if not path.is_file():
            raise ConfigError("no such model file", where=(path,))
    model = keras_model.load(pair.reference)
    form = formats.of(pair.artifact)
    shape = Input(side_px=keras_model.input_side_px(model), fit=pair.fit)
    tree = dataset.scan(pair.photos)
    with console.bar("photos", len(tree.files), "photos") as bar:
        glimpses = pixel_store.fill(tree.root, tree.paths, shape, progress=bar.advance)
    photos, left_out = dataset.held_out(tree, glimpses)
    for left in left_out:
        console.warn(f"{left.path} is left out: {left.reason}")
    pixels = pixel_store.opened([photo.sha256 for photo in photos], shape)
    with console.bar("Keras", len(photos), "photos") as bar:
        reference = keras_model.predict(model, pixels, bar.advance)
    with console.bar(form.runtime, len(photos), "photos") as bar:
        ran = backends.predict(pair.artifact, pixels, form.fast, bar.advance)
    answers = keras_model.two_columns(ran.scores)
    for name, scores in (("reference", reference), ("artifact", answers)):
        if scores.shape[1] != len(tree.classes):
            raise ConfigError(
                f"the {name} tells {scores.shape[1]} classes apart, the photos have {len(tree.classes)}",
                where=(pair.photos,),
                hint="one folder for each class the model knows, named so that they sort in the order of its outputs",
            )
    steps = [("reference", reference), ("artifact", answers)]
    told = Answers(
        method=pair.artifact.name,
        artifact_sha256=sha256_of(pair.artifact),
        part="test",
        photos=photos,
        classes=tree.classes,
        reference=reference,
        artifact=answers,
        host_ms=ran.invoke_ms,
    )
    try:
        hops = ledger(np.array([photo.label for photo in photos]), steps)
        return judge(told, contract.limit_drop, contract.confidence, hops)
    except ValueError as error:
        raise ConfigError(
            f"the answers cannot be judged: {error}",
            where=(pair.reference, pair.artifact),
            hint="both models must answer probabilities: end them in a softmax, or in one sigmoid for two classes",
        ) from error
