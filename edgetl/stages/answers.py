"""Artifact with features → AnswerRule: when its answer is a label, "unsure" or "none of these", and how often that is.

The file itself computes everything on its kernels: the features of a quantized file are not those of the Keras model.
The thresholds are set on validation photos. The counts are of test photos, and of photos of other things.
"""

from collections.abc import Iterator

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS, KernelSet
from edgetl.core.parallel import FeaturePredictions
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import DecodedPixels, Pixels
from edgetl.core.records import Artifact, Part
from edgetl.core.rejection.drawn_photos import draw_images, shuffle_patches
from edgetl.core.rejection.known_curve import trace_known
from edgetl.core.rejection.records import AnswerRule, ForeignCounts
from edgetl.core.rejection.similarity import REFERENCE_PART, compute_similarities
from edgetl.core.rejection.thresholds import (
    AnswerLimits,
    PredictedPhotos,
    compare_answers,
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

# A share of 5 % of so many photos has a standard error of 1.5 points.
_DRAWN_PHOTOS = 200
_NO_LABELS = np.zeros(0, np.int64)
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


def set_answers(work: Workspace, request: AnswerRequest) -> AnswerRule:
    """Set the thresholds of a file, and count its answers.

    Raises:
        ConfigError: the file's input does not match the photos.
        DataError: some photos are not in the cache any more.
    """
    artifact, classes, recipe = request.artifact, request.trained.classes, request.recipe
    limits = AnswerLimits(
        rejected_own=recipe.reject_own,
        error_accepted=recipe.error_accepted,
        by_class=recipe.by_class,
        multi_label=request.dataset.multi_label,
    )
    outputs = {part: _predict_part(work, request, part) for part in _PARTS}
    features = FeatureParts(**{part: labelled for part, (_, labelled) in outputs.items()})
    most_bytes = artifact.bytes // REFERENCE_PART
    reference = condense_features(features.train.features, features.train.labels, most_bytes=most_bytes)
    path = work.folder / "features.npy"
    np.save(path, reference, allow_pickle=False)

    def compare(scores: np.ndarray, labelled: LabelledFeatures) -> PredictedPhotos:
        similarities = compute_similarities(reference, labelled.features)
        # The verdict judges the decisions about several labels: here no label is wrong.
        labels = scores.argmax(axis=1) if limits.multi_label else labelled.labels
        return PredictedPhotos(scores=scores, similarities=similarities, labels=labels)

    def compare_other(title: str, photos: Pixels) -> tuple[str, PredictedPhotos]:
        predicted = _predict(work, request.artifact, request.kernels, title, photos)
        return title, compare(predicted.scores, _label(predicted, _NO_LABELS))

    thresholds = find_thresholds(compare(*outputs["validation"]), classes, limits)
    own = compare(*outputs["test"])
    far = [compare_other(title, photos) for title, photos in _list_drawn(request)]
    foreign = [compare_other(title, photos) for title, photos in _list_foreign(request)]
    steps = [(name, compare(*both)) for name, both in _predict_steps(work, request, outputs["test"])]
    return AnswerRule(
        path=path,
        sha256=hash_file(path),
        artifact_sha256=artifact.sha256,
        rows=len(reference),
        rejected_share=recipe.reject_own,
        least_similarities=dict(zip(classes, thresholds.similarities.tolist(), strict=True)),
        selective=thresholds.selective,
        own=count_answers(own, thresholds),
        far=tuple(count_foreign(title, photos, thresholds) for title, photos in far),
        near=_count_near(work, request, features, Setting(classes=classes, limits=limits, most_bytes=most_bytes)),
        foreign=tuple(count_foreign(title, photos, thresholds) for title, photos in foreign),
        hops=compare_answers(steps, thresholds, multi_label=limits.multi_label) if len(steps) > 1 else (),
        multi_label=limits.multi_label,
        known_curve=trace_known(own, [photos for _, photos in (*far, *foreign)], thresholds.similarities),
    )


def _count_near(
    work: Workspace, request: AnswerRequest, features: FeatureParts, setting: Setting
) -> tuple[ForeignCounts, ...]:
    """Leave out one class after the other; none where a photo may have several, which no class is without."""
    if setting.limits.multi_label:
        return ()
    classes = draw_classes(features.train.labels, request.seed)
    with work.console.bar("each class left out", len(classes), "classes") as bar:
        return count_unseen(features, setting, seed=request.seed, advance=bar.advance)


def _predict_part(work: Workspace, request: AnswerRequest, part: Part) -> tuple[np.ndarray, LabelledFeatures]:
    """Return the probabilities [photos, classes] of the file, and the features with the labels of the photos."""
    predicted = _find_predicted(request, request.artifact, part)
    if predicted is None:
        predicted = _predict(work, request.artifact, request.kernels, f"{part} photos", _open_part(request, part))
    return predicted.scores, _label(predicted, _list_labels(request, part))


def _find_predicted(request: AnswerRequest, artifact: Artifact, part: Part) -> FeaturePredictions | None:
    """Return what a file has predicted for a part of the photos; None if that is not known."""
    known = (files for files in request.predicted if (files.model_sha256, files.part) == (artifact.sha256, part))
    files = next(known, None)
    return None if files is None else files.read()


def _predict_steps(
    work: Workspace, request: AnswerRequest, outputs: tuple[np.ndarray, LabelledFeatures]
) -> list[tuple[str, tuple[np.ndarray, LabelledFeatures]]]:
    """Return name and outputs for the test photos of the float32 file, where there is one, and of the file."""
    row, steps = FORMATS[request.artifact.format], []
    for float32 in request.float32:
        name = f"float32 {row.title}"
        predicted = _find_predicted(request, float32, "test")
        if predicted is None:
            predicted = _predict(work, float32, row.fast_kernels, name, _open_part(request, "test"))
        steps.append((name, (predicted.scores, _label(predicted, outputs[1].labels))))
    title = row.reference_title if request.kernels == "reference" else row.fast_title
    return [*steps, (f"{request.artifact.method}, {title}", outputs)]


def _predict(work: Workspace, artifact: Artifact, kernels: KernelSet, title: str, photos: Pixels) -> FeaturePredictions:
    """Return the probabilities [photos, classes] and the features of a file."""
    with work.console.bar(f"features, {title}", len(photos), "photos") as bar:
        both = BACKENDS[artifact.format].predict_features(artifact.path, photos, kernels, bar.advance)
    # One sigmoid output becomes two columns, as other scores have them.
    return FeaturePredictions(scores=metrics.expand_sigmoid(both.scores), features=both.features)


def _label(predicted: FeaturePredictions, labels: np.ndarray) -> LabelledFeatures:
    return LabelledFeatures(features=predicted.features, labels=labels)


def _list_labels(request: AnswerRequest, part: Part) -> np.ndarray:
    return np.array([photo.label for photo in request.dataset.part(part)], np.int64)


def _open_part(request: AnswerRequest, part: Part) -> Pixels:
    return pixel_store.open_pixels([photo.sha256 for photo in request.dataset.part(part)], request.trained.input)


def _list_drawn(request: AnswerRequest) -> Iterator[tuple[str, Pixels]]:
    """Yield title and pixels of images that no photo shows."""
    spec = request.trained.input
    drawn = draw_images(_DRAWN_PHOTOS, spec.height_px, spec.width_px, request.seed)
    yield "drawn images", DecodedPixels(drawn, spec)
    test = _open_part(request, "test")
    rows = metrics.sample_evenly(len(test), _DRAWN_PHOTOS)
    yield "shuffled patches", DecodedPixels(shuffle_patches(test.rows(rows), request.seed), spec)


def _list_foreign(request: AnswerRequest) -> Iterator[tuple[str, Pixels]]:
    """Yield title and pixels of the photos of other things that the user has given."""
    if request.foreign:
        yield "other things, --foreign", pixel_store.open_pixels(request.foreign, request.trained.input)
