"""Runs a retraining in the Keras 2 child process: writes its job, passes its progress on, reads its results.

The child gets the network as plain data, and the scores of the Keras 3 model for a few photos. It checks that its Keras
2 model predicts the same scores before it trains.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgetl.core.errors import EdgetlError, StageError
from edgetl.core.interrupt import call_when_interrupted, check_interrupt
from edgetl.core.network import description
from edgetl.core.photos import pixel_store
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.progress import TrainingListener
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.records import Dataset, InputSpec, Photo
from edgetl.core.report.calibration_lines import describe_temperature
from edgetl.core.retrain_job import RetrainJob, RetrainOutcome
from edgetl.engines.head_temperature import fold_temperature, predict_last_features
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import to_network
from edgetl.engines.processes.child import make_child_command
from edgetl.engines.tfmot.messages import handle_message

_PROBE_PHOTOS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainRequest:
    """A retraining to run.

    Attributes:
        kind: "qat", "prune" or "cluster".
        input: input spec of the model.
        dataset: its training and validation parts.
        calibration: photos that set the initial activation ranges of "qat".
        agreement_photos: photos that the finished "qat" model predicts.
        recipe: epochs, learning rates, augmentation and seed.
        fits_temperature: whether the last layer of the retrained model is divided by a temperature of its own.
    """

    kind: RetrainKind
    input: InputSpec
    dataset: Dataset
    calibration: tuple[Photo, ...]
    agreement_photos: tuple[Photo, ...]
    recipe: RetrainingTables
    fits_temperature: bool = False


def run_retraining(
    model_path: Path, request: RetrainRequest, folder: Path, listener: TrainingListener
) -> RetrainOutcome:
    """Retrain a model in the child process.

    Args:
        model_path: the trained .keras file.
        request: what to do.
        folder: model.keras is written here, or saved_model/ and predictions.npy for "qat".
        listener: is called with the progress.

    Raises:
        StageError: a layer cannot be translated to Keras 2 or quantized, training diverged, or the child process died.
        DataError: the decoded photos are not in the cache any more.
        Interrupted: ^C or SIGTERM was received.
    """
    model = keras_model.load_model(model_path)
    network = to_network.describe_network(model)
    probe_photos = [photo.sha256 for photo in request.dataset.train[:_PROBE_PHOTOS]]
    pixels = pixel_store.open_pixels(probe_photos, request.input).rows(range(len(probe_photos)))
    scaled_photos, scores = to_network.probe_model(model, pixels)
    matrix, offset = to_network.measure_scaling(model)
    job = RetrainJob(
        kind=request.kind,
        input=request.input,
        train=request.dataset.train,
        validation=request.dataset.validation,
        calibration=request.calibration,
        agreement_photos=request.agreement_photos,
        matrix=tuple(tuple(float(value) for value in row) for row in matrix),
        offset=tuple(float(value) for value in offset),
        recipe=request.recipe,
        fits_temperature=request.fits_temperature,
    )
    with TemporaryDirectory(prefix="edgetl-retrain-") as work:
        job_folder = Path(work)
        description.save_network(network, job_folder)
        (job_folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        np.savez(job_folder / "probe.npz", photos=scaled_photos, scores=scores)
        _run_child(job_folder, folder, listener)
    outcome = RetrainOutcome.model_validate_json((folder / "outcome.json").read_text(encoding="utf-8"))
    # A pruned or clustered network has the layers of the model: its weights are read back into the Keras 3 model.
    weights_path = folder / "weights.npz"
    if weights_path.is_file():
        weights = description.load_weights(weights_path, [len(node.weights) for node in network.nodes])
        names = [node.name for node in network.nodes]
        to_network.fill_model(model, network.replace_weights(dict(zip(names, weights, strict=True))))
        if request.fits_temperature:
            # The training has changed the logits. Zeros stay zeros, and equal weights stay equal.
            validation = LabelledPhotos.open(request.dataset.validation, request.input)
            features = predict_last_features(model, validation.pixels)
            for text in describe_temperature(fold_temperature(model, features, validation.labels)):
                listener.say(text)
        keras_model.save_model(model, folder / "model.keras")
        weights_path.unlink()
    return outcome


def _run_child(job_folder: Path, results: Path, listener: TrainingListener) -> None:
    """Run the child process to its end and pass its messages to the listener.

    Raises:
        EdgetlError: the error that the child reported.
        StageError: the child ended without reporting an error.
        Interrupted: ^C or SIGTERM was received, and the child was killed.
    """
    error_log = job_folder / "stderr.txt"
    reported_error: EdgetlError | None = None
    # Standard error is written to a file: a pipe that is not read while the messages are read would block the child.
    with error_log.open("w", encoding="utf-8") as stderr, _start_child(job_folder, results, stderr) as child:
        assert child.stdout is not None
        for line in child.stdout:
            reported_error = handle_message(line, listener) or reported_error
    error_text = error_log.read_text(encoding="utf-8", errors="replace")
    # Standard error of this process is the log of the run.
    sys.stderr.write(error_text)
    check_interrupt()
    if reported_error is not None:
        raise reported_error
    if child.returncode == -signal.SIGKILL:
        raise StageError(
            "the child process for Keras 2 was killed",
            hint="the memory probably ran out: close other programs, or choose another --base, or a smaller --side or "
            "--batch-size",
        )
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise StageError(f"the child process for Keras 2 crashed ({name})")
    if child.returncode != 0:
        last_line = (error_text.strip().splitlines() or ["no error message"])[-1]
        raise StageError(f"the child process for Keras 2 ended with exit code {child.returncode}: {last_line}")


@contextmanager
def _start_child(job_folder: Path, results: Path, stderr: Any) -> Iterator[subprocess.Popen[str]]:
    command = make_child_command("edgetl.engines.tfmot", str(job_folder), str(results))
    # Keras in this process may run on another backend. Keras 2 runs on TensorFlow only.
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    # In a process group of its own, the child gets no ^C from the terminal: this process ends it.
    with (
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, process_group=0
        ) as child,
        call_when_interrupted(child.kill),
    ):
        try:
            yield child
        except BaseException:
            # `Popen.__exit__` waits for the child, which would train to its end.
            child.kill()
            raise
