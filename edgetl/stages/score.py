"""A model and photos of one part → Scores: its predictions as a file.

Scoring is separate from judging, so that the reference predicts once for all artifacts.
"""

from edgetl.core.evaluation.details.score_files import write_predictions, write_scores
from edgetl.core.formats import FORMATS, KernelSet
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Artifact, Scores, Trained
from edgetl.core.rejection.feature_files import ScoresWithFeatures, write_features_beside
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model


def score_reference(work: Workspace, trained: Trained, photos: PhotoSet) -> Scores:
    """Write the predictions of the Keras model to scores.npy.

    Raises:
        ConfigError: the model cannot be loaded safely.
    """
    with work.console.bar(f"Keras, {photos.part} photos", len(photos.photos), "photos") as bar:
        model = keras_model.load_for_prediction(trained.path, trained.sha256)
        scores = keras_model.predict_scores(model, photos.open_pixels(), bar.advance)
    path = write_scores(scores, work.folder)
    return Scores(
        path=path,
        sha256=hash_file(path),
        model_sha256=trained.sha256,
        part=photos.part,
        kernels=f"keras-{keras_model.get_backend()}",
        photos=len(scores),
        accelerated=False,
        invoke_ms=0.0,
        disturbed=False,
    )


def score_artifact(work: Workspace, artifact: Artifact, photos: PhotoSet, kernels: KernelSet) -> ScoresWithFeatures:
    """Write the predictions of the artifact, in the runtime that devices use, to scores.npy, and any features beside.

    Raises:
        ConfigError: the artifact's input does not match the photos.
        StageError: the kernels lack an operator.
    """
    title = f"{artifact.method}, {kernels}, {photos.part} photos"
    with work.console.bar(title, len(photos.photos), "photos") as bar:
        backend = BACKENDS[artifact.format]
        predictions = backend.predict(artifact.path, photos.open_pixels(), kernels, bar.advance)
    kernels_name = f"{FORMATS[artifact.format].runtime.lower()}-{kernels}"
    scores = write_predictions(work.folder, artifact, photos.part, predictions, kernels_name)
    return write_features_beside(scores, predictions.features)
