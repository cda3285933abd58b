"""Artifact with features → AnswerRule: when its answer is a label, "unsure" or "none of these", and how often that is.

The file itself computes everything on its kernels: the features of a quantized file are not those of the Keras model.
The thresholds are set on validation photos. The counts are of test photos, and of photos of other things.
"""

from collections.abc import Iterator

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import DecodedPixels, Pixels
from edgetl.core.records import Part
from edgetl.core.rejection.drawn_photos import draw_images, shuffle_patches
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.rejection.similarity import compute_similarities
from edgetl.core.rejection.thresholds import (
    Limits,
    PredictedPhotos,
    count_answers,
    count_foreign,
    find_thresholds,
)
from edgetl.core.requests import AnswerRequest
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.reference_features import condense_features
from edgetl.engines.unseen_classes import FeatureParts, LabelledFeatures, Setting, count_unseen, draw_classes

# The reference features are at most this part of the model file.
_BYTES_PART = 10
# A share of 5 % of so many photos has a standard error of 1.5 points.
_DRAWN_PHOTOS = 200
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


def set_answers(work: Workspace, request: AnswerRequest) -> AnswerRule:
    """Set the thresholds of a file, and count its answers.

    Raises:
        ConfigError: the file's input does not match the photos.
        DataError: some photos are not in the cache any more.
    """
    artifact, classes, recipe = request.artifact, request.trained.classes, request.recipe
    limits = Limits(rejected_own=recipe.reject_own, error_accepted=recipe.error_accepted, by_class=recipe.by_class)
    outputs = {part: _predict_part(work, request, part) for part in _PARTS}
    features = FeatureParts(**{part: labelled for part, (_, labelled) in outputs.items()})
    most_bytes = artifact.bytes // _BYTES_PART
    reference = condense_features(features.train.features, features.train.labels, most_bytes=most_bytes)
    path = work.folder / "features.npy"
    np.save(path, reference, allow_pickle=False)

    def compare(scores: np.ndarray, labelled: LabelledFeatures) -> PredictedPhotos:
        similarities = compute_similarities(reference, labelled.features)
        return PredictedPhotos(scores=scores, similarities=similarities, labels=labelled.labels)

    thresholds = find_thresholds(compare(*outputs["validation"]), classes, limits)
    far = tuple(
        count_foreign(title, compare(*_predict(work, request, title, photos, np.zeros(0, np.int64))), thresholds)
        for title, photos in _list_foreign(request)
    )
    with work.console.bar("each class left out", len(draw_classes(len(classes), request.seed)), "classes") as bar:
        setting = Setting(classes=classes, limits=limits, most_bytes=most_bytes)
        near = count_unseen(features, setting, seed=request.seed, advance=bar.advance)
    return AnswerRule(
        path=path,
        sha256=hash_file(path),
        artifact_sha256=artifact.sha256,
        rows=len(reference),
        rejected_share=recipe.reject_own,
        least_similarities=dict(zip(classes, thresholds.similarities.tolist(), strict=True)),
        selective=thresholds.selective,
        own=count_answers(compare(*outputs["test"]), thresholds),
        far=far,
        near=near,
    )


def _predict_part(work: Workspace, request: AnswerRequest, part: Part) -> tuple[np.ndarray, LabelledFeatures]:
    photos = request.dataset.part(part)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], request.trained.input)
    labels = np.array([photo.label for photo in photos], np.int64)
    return _predict(work, request, f"{part} photos", pixels, labels)


def _predict(
    work: Workspace, request: AnswerRequest, title: str, photos: Pixels, labels: np.ndarray
) -> tuple[np.ndarray, LabelledFeatures]:
    """Return the probabilities [photos, classes], and the features with the labels of the photos."""
    backend = BACKENDS[request.artifact.format]
    with work.console.bar(f"features, {title}", len(photos), "photos") as bar:
        both = backend.predict_features(request.artifact.path, photos, request.kernels, bar.advance)
    return metrics.expand_sigmoid(both.scores), LabelledFeatures(features=both.features, labels=labels)


def _list_foreign(request: AnswerRequest) -> Iterator[tuple[str, Pixels]]:
    """Yield title and pixels of the photos of other things."""
    spec = request.trained.input
    drawn = draw_images(_DRAWN_PHOTOS, spec.height_px, spec.width_px, request.seed)
    yield "drawn images", DecodedPixels(drawn, spec)
    test = pixel_store.open_pixels([photo.sha256 for photo in request.dataset.test], spec)
    rows = metrics.sample_evenly(len(test), _DRAWN_PHOTOS)
    yield "test photos with shuffled patches", DecodedPixels(shuffle_patches(test.rows(rows), request.seed), spec)
    if request.foreign:
        yield "photos of --foreign", pixel_store.open_pixels(request.foreign, spec)
