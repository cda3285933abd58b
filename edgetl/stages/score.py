"""A model and a part of the photos → Scores: what the model answers, kept so that a verdict can be repeated.

It stands between convert and verify so that the reference answers once for all artifacts, and each hop of the ledger
once for all verdicts.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgetl.core.formats import FORMATS, KernelSet
from edgetl.core.photos.evaluation_set import EvaluationSet
from edgetl.core.records import Artifact, Scores, Trained
from edgetl.core.runs import hash_file
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model

Advance = Callable[[int], None]


def reference(trained: Trained, questions: EvaluationSet, folder: Path, *, advance: Advance) -> Scores:
    """The Keras model's answers, into scores.npy in `folder`.

    Raises:
        ConfigError: the model cannot be loaded safely.
    """
    scores = keras_model.predict_scores(keras_model.load_model(trained.path), questions.pixels(), advance)
    path = _saved(scores, folder)
    return Scores(
        path=path,
        sha256=hash_file(path),
        model_sha256=trained.sha256,
        part=questions.part,
        kernels=f"keras-{keras_model.get_backend()}",
        photos=len(scores),
        accelerated=False,
        invoke_ms=0.0,
    )


def artifact(
    model: Artifact, questions: EvaluationSet, kernels: KernelSet, folder: Path, *, advance: Advance
) -> Scores:
    """The artifact's answers in its real runtime, into scores.npy in `folder`.

    Raises:
        ConfigError: its input does not fit the photos.
    """
    ran = backends.predict_with(model.path, questions.pixels(), kernels, advance)
    path = _saved(keras_model.expand_sigmoid(ran.scores), folder)
    return Scores(
        path=path,
        sha256=hash_file(path),
        model_sha256=model.sha256,
        part=questions.part,
        kernels=f"{FORMATS[model.format].runtime.lower()}-{kernels}",
        photos=len(ran.scores),
        accelerated=ran.accelerated,
        invoke_ms=ran.invoke_ms,
    )


def raw_outputs(model: Artifact, questions: EvaluationSet, kernels: KernelSet) -> np.ndarray:
    """The artifact's own output numbers [photos, units], in its own dtype: what a device must give again."""
    return backends.predict_with(model.path, questions.pixels(), kernels, lambda _: None).raw


def _saved(scores: np.ndarray, folder: Path) -> Path:
    path = folder / "scores.npy"
    np.save(path, scores.astype(np.float32), allow_pickle=False)
    return path
