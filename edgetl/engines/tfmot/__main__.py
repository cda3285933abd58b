"""The program of the child process that retrains in Keras 2: `python -m edgetl.engines.tfmot JOB RESULTS`.

Importing tfmot sets TF_USE_LEGACY_KERAS and so changes what TensorFlow means by Keras; hence a process of its own.
In: a folder with job.json, the network and what Keras 3 answers to a few photos (probe.npz). Out: a folder with
outcome.json and saved_model/ with proof.npy (qat), or weights.npz (prune, cluster). stdout carries one JSON object a
line: what begins, steps, epochs, and at the end "done" or the error.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tf_keras

from edgetl.core.errors import EdgetlError
from edgetl.core.network import description, folding
from edgetl.core.photos import pixel_store
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.progress import TrainingListener
from edgetl.core.retrain_job import RetrainJob, RetrainOutcome
from edgetl.engines.tfmot import prune_cluster
from edgetl.engines.tfmot.fit import FitResult, RetrainSetup
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.tfmot.keras2_model import build_keras2, check_against_keras3
from edgetl.engines.tfmot.qat import QatModel


def run_job(given: Path, results: Path, watch: TrainingListener) -> None:
    """Do the job that lies in `given`; write into `results`.

    Raises:
        StageError: the bridge does not hold, a layer cannot be quantized, or training diverged.
    """
    start = time.monotonic()
    job = RetrainJob.model_validate_json((given / "job.json").read_text(encoding="utf-8"))
    recipe = job.recipe
    tf_keras.utils.set_random_seed(recipe.training.seed)
    whole = description.load_network(given)
    difference = _proven(build_keras2(whole).model, given, "the network")
    scaling = PixelScaling(matrix=np.array(job.matrix, np.float32), offset=np.array(job.offset, np.float32))
    course = RetrainSetup(
        train=LabelledPhotos.open(job.train, job.input),
        validation=LabelledPhotos.open(job.validation, job.input),
        recipe=recipe,
        learning_rate=recipe.phase1.learning_rate * recipe.retrain.learning_rate_ratio_of(job.kind),
        scaled=scaling.scaled,
    )
    if job.kind == "qat":
        folded = folding.fold_batch_norm(whole)
        calibration = pixel_store.open_pixels([photo.sha256 for photo in job.calibration], job.input)
        aware = QatModel(folded, calibration, scaling, watch)
        _proven(aware.plain, given, "the network with BatchNormalization folded")
        fitted = _quantized(job, aware, course, results, watch)
    else:
        slim = prune_cluster.prune_network if job.kind == "prune" else prune_cluster.cluster_network
        slimmed, fitted = slim(whole, course, watch)
        description.save_weights(results / "weights.npz", [node.weights for node in slimmed.nodes])
    outcome = RetrainOutcome(
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        start_accuracy=fitted.start_accuracy,
        accuracy=fitted.accuracy,
        learning_rate=course.learning_rate,
        bridge_difference=difference,
        note=_note(fitted),
        seconds=round(time.monotonic() - start, 3),
    )
    (results / "outcome.json").write_text(outcome.model_dump_json(indent=1), encoding="utf-8")


def _proven(carried: tf_keras.Model, given: Path, what: str) -> float:
    with np.load(given / "probe.npz", allow_pickle=False) as probe:
        return check_against_keras3(carried, probe["photos"], probe["answers"], what)


def _quantized(
    job: RetrainJob, aware: QatModel, course: RetrainSetup, results: Path, watch: TrainingListener
) -> FitResult:
    fitted = aware.fit(course, watch)
    proof = pixel_store.open_pixels([photo.sha256 for photo in job.proof], job.input)
    aware.export(results / "saved_model")
    np.save(results / "proof.npy", aware.answers(proof), allow_pickle=False)
    return fitted


def _note(fitted: FitResult) -> str:
    if fitted.best_epoch == 0:
        return "no epoch was better on the validation photos than the start, which is kept"
    if fitted.accuracy < fitted.start_accuracy:
        return "the best epoch answers fewer validation photos right than the start"
    return ""


class _Telling:
    """JSON lines to the parent, on what was stdout; whatever else is written there goes to stderr."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._lines: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)
        self.watch = TrainingListener(
            begin=lambda what, total: self("begin", [what, total]),
            step=lambda count, note: self("step", [count, note]),
            epoch=lambda epoch: self("epoch", asdict(epoch)),
            say=lambda text: self("say", text),
        )

    def __call__(self, word: str, value: Any) -> None:
        self._lines.write(json.dumps({word: value}) + "\n")


def main(given: str, results: str) -> int:
    """Do the job and tell of it; the exit code says whether it was done."""
    tell = _Telling()
    try:
        run_job(Path(given), Path(results), tell.watch)
    except EdgetlError as error:
        tell("error", [type(error).__name__, error.message, list(error.where), error.hint])
        return error.exit_code
    tell("done", True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
