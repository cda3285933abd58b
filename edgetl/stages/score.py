"""A model and a part of the photos → Scores: what the model answers, kept so that a verdict can be repeated.

It stands between convert and verify so that the reference answers once for all artifacts, and each hop of the ledger
once for all verdicts.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgetl.core.formats import FORMATS, Kernels
from edgetl.core.photos.evaluation_set import Questions
from edgetl.core.records import Artifact, Scores, Trained
from edgetl.core.runs import sha256_of
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model

Advance = Callable[[int], None]


def reference(trained: Trained, questions: Questions, folder: Path, *, advance: Advance) -> Scores:
    """The Keras model's answers, into scores.npy in `folder`.

    Raises:
        ConfigError: the model cannot be loaded safely.
    """
    scores = keras_model.predict(keras_model.load(trained.path), questions.pixels(), advance)
    path = _saved(scores, folder)
    return Scores(
        path=path,
        sha256=sha256_of(path),
        model_sha256=trained.sha256,
        part=questions.part,
        kernels=f"keras-{keras_model.backend()}",
        photos=len(scores),
        accelerated=False,
        invoke_ms=0.0,
    )


def artifact(model: Artifact, questions: Questions, kernels: Kernels, folder: Path, *, advance: Advance) -> Scores:
    """The artifact's answers in its real runtime, into scores.npy in `folder`.

    Raises:
        ConfigError: its input does not fit the photos.
    """
    ran = backends.predict(model.path, questions.pixels(), kernels, advance)
    path = _saved(keras_model.two_columns(ran.scores), folder)
    return Scores(
        path=path,
        sha256=sha256_of(path),
        model_sha256=model.sha256,
        part=questions.part,
        kernels=f"{FORMATS[model.format].runtime.lower()}-{kernels}",
        photos=len(ran.scores),
        accelerated=ran.accelerated,
        invoke_ms=ran.invoke_ms,
    )


def raw_outputs(model: Artifact, questions: Questions, kernels: Kernels) -> np.ndarray:
    """The artifact's own output numbers [photos, units], in its own dtype: what a device must give again."""
    return backends.predict(model.path, questions.pixels(), kernels, lambda _: None).raw


def _saved(scores: np.ndarray, folder: Path) -> Path:
    path = folder / "scores.npy"
    np.save(path, scores.astype(np.float32), allow_pickle=False)
    return path
