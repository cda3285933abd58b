"""The child process that retrains a network in Keras 2: `python -m edgetl.engines.tfmot JOB RESULTS`.

tfmot sets TF_USE_LEGACY_KERAS, which replaces Keras 3 by Keras 2 in the whole process. So it runs in another process.

In: the folder JOB with job.json, the network (network.json, weights.npz) and the scores of the Keras 3 model for a few
photos (probe.npz). Out: the folder RESULTS with outcome.json and, for "qat", saved_model/ and predictions.npy, or, for
"prune" and "cluster", weights.npz. Standard output contains messages: see `messages`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import tf_keras

from edgetl.core.errors import EdgetlError
from edgetl.core.network import description, folding
from edgetl.core.photos import pixel_store
from edgetl.core.photos.labelled import LabelledPhotos, open_training_parts
from edgetl.core.progress import TrainingListener
from edgetl.core.report.calibration_lines import describe_temperature
from edgetl.core.retrain_job import RetrainJob, RetrainOutcome
from edgetl.engines.tfmot import prune_cluster
from edgetl.engines.tfmot.fit import FitResult, RetrainSetup
from edgetl.engines.tfmot.frozen_outputs import ScaledPhotos
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.tfmot.keras2_model import build_keras2, check_against_keras3
from edgetl.engines.tfmot.messages import MessageWriter
from edgetl.engines.tfmot.qat import QatModel
from edgetl.engines.tfmot.qat_temperature import fold_qat_temperature


def run_job(job_folder: Path, results: Path, listener: TrainingListener) -> None:
    """Run a retraining and write its results.

    Args:
        job_folder: the folder JOB.
        results: the folder RESULTS.
        listener: is called with the progress.

    Raises:
        StageError: the Keras 2 model differs from the Keras 3 model, a layer cannot be quantized, or training diverged.
    """
    start = time.monotonic()
    job = RetrainJob.model_validate_json((job_folder / "job.json").read_text(encoding="utf-8"))
    recipe = job.recipe
    tf_keras.utils.set_random_seed(recipe.training.seed)
    network = description.load_network(job_folder)
    difference = _check_with_probe(build_keras2(network).model, job_folder, "the network")
    scaling = PixelScaling(matrix=np.array(job.matrix, np.float32), offset=np.array(job.offset, np.float32))
    train, validation = open_training_parts(job.train, job.validation, job.input, recipe.training.class_weight)
    setup = RetrainSetup(
        train=train,
        validation=validation,
        recipe=recipe,
        learning_rate=recipe.phase1.learning_rate * recipe.retrain.get_learning_rate_ratio(job.kind),
        inputs=ScaledPhotos(scaling.apply),
    )
    if job.kind == "qat":
        folded = folding.fold_batch_norm(network)
        calibration = pixel_store.open_pixels([photo.sha256 for photo in job.calibration], job.input)
        model = QatModel(folded, calibration, scaling, listener)
        _check_with_probe(model.float_model, job_folder, "the network with BatchNormalization folded")
        fit_result = model.fit(setup, listener)
        if job.fits_temperature:
            for text in describe_temperature(fold_qat_temperature(model, validation, folded.nodes[-1].activation)):
                listener.say(text)
        # The export rounds the biases, so the predictions after it are those that the file must reproduce.
        model.export(results / "saved_model")
        photos = LabelledPhotos.open(job.agreement_photos, job.input)
        np.save(results / "predictions.npy", model.predict(photos), allow_pickle=False)
    else:
        compress = prune_cluster.prune_network if job.kind == "prune" else prune_cluster.cluster_network
        compressed, fit_result = compress(network, setup, listener)
        description.save_weights(results / "weights.npz", [node.weights for node in compressed.nodes])
    outcome = RetrainOutcome(
        epochs=fit_result.epochs,
        best_epoch=fit_result.best_epoch,
        start_accuracy=fit_result.start_accuracy,
        accuracy=fit_result.accuracy,
        learning_rate=setup.learning_rate,
        keras2_difference=difference,
        note=_describe_best_epoch(fit_result),
        seconds=round(time.monotonic() - start, 3),
        processor_s=round(time.process_time(), 3),
    )
    (results / "outcome.json").write_text(outcome.model_dump_json(indent=1), encoding="utf-8")


def _check_with_probe(model: tf_keras.Model, job_folder: Path, name: str) -> float:
    """Check that a Keras 2 model predicts the scores in probe.npz; return the largest difference."""
    with np.load(job_folder / "probe.npz", allow_pickle=False) as probe:
        return check_against_keras3(model, probe["photos"], probe["scores"], name)


def _describe_best_epoch(fit_result: FitResult) -> str:
    """Return a note for the user if the retraining did not improve the accuracy."""
    if fit_result.best_epoch == 0:
        return "no epoch was better on the validation photos than the start, which is kept"
    if fit_result.accuracy < fit_result.start_accuracy:
        return "the best epoch classifies fewer validation photos correctly than the start"
    return ""


def main(job_folder: str, results: str) -> int:
    """Run the job; return the exit code."""
    writer = MessageWriter()
    try:
        run_job(Path(job_folder), Path(results), writer.listener)
    except EdgetlError as error:
        writer.write_error(error)
        return error.exit_code
    writer.write_done()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
