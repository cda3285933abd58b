"""Predictions of a model → the file of a `Scores` record."""

from pathlib import Path

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.parallel import Predictions
from edgetl.core.records import Artifact, Part, Scores
from edgetl.core.storage.files import hash_file


def write_predictions(folder: Path, artifact: Artifact, part: Part, predictions: Predictions, kernels: str) -> Scores:
    """Write the scores of an artifact for one part of the photos, and describe them.

    Args:
        folder: of the stage.
        artifact: the file.
        part: the part of the photos.
        predictions: for these photos.
        kernels: name of the kernels that computed them.
    """
    # One sigmoid output becomes two columns, as the reference has them.
    path = write_scores(metrics.expand_sigmoid(predictions.scores), folder)
    return Scores(
        path=path,
        sha256=hash_file(path),
        model_sha256=artifact.sha256,
        part=part,
        kernels=kernels,
        photos=len(predictions.scores),
        accelerated=predictions.accelerated,
        invoke_ms=predictions.latency.ms,
        disturbed=predictions.latency.disturbed,
    )


def write_scores(scores: np.ndarray, folder: Path) -> Path:
    """Write scores, [photos, classes], to scores.npy in a folder; return its path."""
    # float32 for all formats: the scores of two artifacts are compared with each other.
    path = folder / "scores.npy"
    np.save(path, scores.astype(np.float32), allow_pickle=False)
    return path
