"""A classifier and photos → the most probable classes of each photo, from the file itself on this machine.

Photos are decoded by `core.photos.pixels`, which is the pixels.py of a bundle, and predicted in the runtime of devices.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edgetl.core.console import Console
from edgetl.core.device.bundle_reading import Classifier
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.formats import FORMATS
from edgetl.core.machine import count_cores
from edgetl.core.photos import decoders, photo_paths, pixels, wrong_photos
from edgetl.core.photos.layout.names import SUFFIXES
from edgetl.core.photos.photo_paths import PhotoPath
from edgetl.core.photos.pixel_store import DecodedPixels
from edgetl.core.records import InputSpec, LeftOut
from edgetl.core.report.predictions import ClassifiedPhoto, Predicted, rank_classes, select_labels
from edgetl.pipeline.usage.answers import answer_photos, predict_scores_and_features

# So many photos are in memory at a time: 40 MB at 224 px.
_CHUNK_PHOTOS = 256


def predict_photos(classifier: Classifier, paths: Sequence[Path], top: int, *, console: Console) -> Predicted:
    """Predict photos and the photos in folders.

    Args:
        classifier: the file, from `find_classifier`.
        paths: photos and folders of photos.
        top: how many classes each prediction has; all if there are fewer. Of several labels, all are listed that the
            photo has.
        console: shows a progress bar.

    Raises:
        ConfigError: the file cannot be run, or `top` is below 1.
        DataError: no photos.
    """
    if top < 1:
        raise ConfigError(f"--top must be at least 1, not {top}")
    photos = photo_paths.list_photo_paths(paths)
    if not photos:
        # Every path is a folder: a file is a photo, or is reported as one that cannot be read.
        names = [str(file) for path in paths for file in path.rglob("*") if file.is_file()]
        message, hint = wrong_photos.explain_no_photos(names, SUFFIXES)
        raise DataError(message, where=paths, hint=hint)
    predictions: list[ClassifiedPhoto] = []
    unreadable: list[LeftOut] = []
    with console.bar(classifier.path.name, len(photos), "photos") as bar:
        for start in range(0, len(photos), _CHUNK_PHOTOS):
            chunk = photos[start : start + _CHUNK_PHOTOS]
            predictions += _predict_chunk(classifier, chunk, top, unreadable)
            bar.advance(len(chunk))
    return Predicted(
        model=classifier.path,
        sha256=classifier.sha256,
        method=classifier.method,
        photos=tuple(predictions),
        unreadable=tuple(unreadable),
        no_answers=classifier.no_answers,
    )


def _predict_chunk(
    classifier: Classifier, chunk: Sequence[PhotoPath], top: int, unreadable: list[LeftOut]
) -> Iterator[ClassifiedPhoto]:
    """Predict some photos; what cannot be decoded is added to `unreadable`."""
    with ThreadPoolExecutor(count_cores()) as pool:
        decoded = list(pool.map(lambda photo: _decode(photo.path, classifier.input), chunk))
    readable = [(photo, image) for photo, image in zip(chunk, decoded, strict=True) if isinstance(image, np.ndarray)]
    unreadable += [
        LeftOut(path=str(photo.path), reason=image)
        for photo, image in zip(chunk, decoded, strict=True)
        if isinstance(image, str)
    ]
    if not readable:
        return
    photos = DecodedPixels(np.stack([image for _, image in readable]), classifier.input)
    scores, features = predict_scores_and_features(classifier, photos, FORMATS[classifier.format].fast_kernels)
    if scores.shape[1] != len(classifier.classes):
        message = f"the model has {scores.shape[1]} outputs, and there are {len(classifier.classes)} class names"
        raise ConfigError(message, where=(classifier.path,))
    thresholds = classifier.thresholds
    answers = answer_photos(classifier, scores, features)
    for (photo, _), outputs, answer in zip(readable, scores, answers, strict=True):
        yield ClassifiedPhoto(
            photo=photo.path,
            true_class=photo.find_class(classifier.classes),
            classes=select_labels(outputs, classifier.classes, thresholds)
            if thresholds
            else rank_classes(outputs, classifier.classes, top),
            multi_label=bool(thresholds),
            answer=answer,
        )


def _decode(path: Path, input_spec: InputSpec) -> np.ndarray | str:
    """Return uint8 [height, width, 3], or why the file is no usable photo."""
    try:
        return decoders.load_any_format(path, input_spec)
    except pixels.PhotoError as error:
        return str(error)
