"""Trained, Artifact → Robustness: both predict corrupted validation photos."""

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.photos import pixel_store
from edgetl.core.robustness.corrupted_pixels import CorruptedPixels
from edgetl.core.robustness.corruptions import CORRUPTIONS, SEVERITIES
from edgetl.core.robustness.records import Robustness, RobustnessRequest
from edgetl.core.robustness.results import JudgedPhotos, judge_corruption
from edgetl.core.run.workspace import Workspace
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model

# Both models predict each of them 19 times: minutes for MobileNetV2 at 224 px on two cores.
MOST_PHOTOS = 300
_PLACES = (None, *((number, level) for number in range(len(CORRUPTIONS)) for level in range(len(SEVERITIES))))


def measure_robustness(work: Workspace, request: RobustnessRequest) -> Robustness:
    """Predict at most `MOST_PHOTOS` validation photos, as they are and with each corruption.

    Validation photos, because a choice that is made by the result must not use the test photos.

    Raises:
        ConfigError: the model cannot be loaded safely, or the file does not match the photos.
        DataError: the decoded photos are not in the cache any more.
        StageError: the kernels lack an operator.
    """
    whole = request.dataset.validation
    drawn = np.sort(np.random.default_rng(request.seed).permutation(len(whole))[:MOST_PHOTOS])
    photos = [whole[row] for row in drawn]
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], request.trained.input)
    judged = JudgedPhotos(
        labels=list_labels(photos),
        groups=[photo.group for photo in photos],
        task=make_task(request.trained.threshold_values),
        confidence=request.confidence,
    )
    model = keras_model.load_for_prediction(request.trained.path, request.trained.sha256)
    backend, results = BACKENDS[request.artifact.format], []
    with work.console.bar("Keras and the file on corrupted photos", 2 * len(photos) * len(_PLACES), "photos") as bar:
        for place in _PLACES:
            seen = pixels if place is None else CorruptedPixels(pixels, place, request.seed)
            reference = keras_model.predict_scores(model, seen, bar.advance)
            predictions = backend.predict(request.artifact.path, seen, request.kernels, bar.advance)
            scores = (reference, metrics.expand_sigmoid(predictions.scores))
            results.append(judge_corruption(judged, scores, place))
    return Robustness(
        trained_sha256=request.trained.sha256,
        artifact_sha256=request.artifact.sha256,
        method=request.artifact.method,
        photos=len(photos),
        total=len(whole),
        seed=request.seed,
        confidence=request.confidence,
        results=tuple(results),
    )
