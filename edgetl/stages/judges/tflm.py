"""An artifact and photos of one part → Scores: its predictions on the kernels of TensorFlow Lite Micro."""

from edgetl.core.evaluation.details.score_files import write_predictions
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Artifact, Scores
from edgetl.core.run.workspace import Workspace
from edgetl.engines.tflm import interpreter


def score_on_tflm(work: Workspace, artifact: Artifact, photos: PhotoSet) -> Scores:
    """Write the predictions of the artifact on TensorFlow Lite Micro to scores.npy.

    Raises:
        ConfigError: the artifact's input does not match the photos.
        StageError: TensorFlow Lite Micro lacks an operator or a dtype.
    """
    title = f"{artifact.method}, TensorFlow Lite Micro, {photos.part} photos"
    with work.console.bar(title, len(photos.photos), "photos") as bar:
        predictions = interpreter.predict_on_tflm(artifact.path, photos.open_pixels(), bar.advance)
    return write_predictions(work.folder, artifact, photos.part, predictions, "tflm")
