#!/usr/bin/env python3
"""Compare the heat maps of Keras with those of a converted file, on test photos of a finished run.

    python tools/measure_heat_maps.py RUN [--format tflite] [--method int8] [--photos 200]

One line of JSON is printed: the mean and the lowest correlation for the class that Keras predicts, the three photos
whose maps differ most, the largest difference between a logit and the mean of its map plus the bias, and how often a
pasted patch is found: of two test photos that Keras predicts correctly, the second one, reduced to half its side, is
pasted into a corner of the first. For each model, it is counted in how many pictures the map of the pasted class,
without its mean over all classes, is largest inside the patch.
"""

import argparse
import json
from pathlib import Path
from typing import TypeVar

import keras
import numpy as np
from PIL import Image

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.heat_maps.class_maps import ClassMaps, correlate_maps
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import DecodedPixels
from edgetl.core.record import Record
from edgetl.core.records import Artifact, Dataset, Photo, Trained
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps
from tools.errors import report_errors

R = TypeVar("R", bound=Record)


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    trained, dataset = _read(options.run / "train", Trained), _read(options.run / "ingest", Dataset)
    artifact = _read(options.run / f"convert-{options.format}-{options.method}", Artifact)
    photos = [dataset.test[row] for row in metrics.sample_evenly(len(dataset.test), options.photos)]
    pixel_store.fill_pixel_store(dataset.root, [photo.path for photo in photos], trained.input, progress=lambda _: None)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], trained.input)
    model, backend = keras_model.load_model(trained.path), BACKENDS[artifact.format]
    keras_maps = compute_keras_maps(model, pixels)
    file_maps = backend.compute_class_maps(artifact.path, pixels, lambda _: None)
    labels = keras_maps.compute_logits().argmax(axis=1)
    scores = keras_model.predict_outputs(model, pixels)
    pasted, classes = paste_photos(pixels.rows(np.arange(len(photos))), labels, [photo.label for photo in photos])
    view = DecodedPixels(pasted, trained.input)
    print(
        json.dumps(
            {
                "run": str(options.run),
                "file": f"{artifact.format} {artifact.method}",
                "keras": keras.__version__,
                "photos": len(photos),
                "grid": list(keras_maps.maps.shape[1:3]),
                **compare_maps(keras_maps, file_maps, labels, photos),
                "largest_logit_difference": float(_compare_logits(keras_maps, scores)),
                "pasted": len(pasted),
                "found_by_keras": count_found(compute_keras_maps(model, view), classes),
                "found_by_file": count_found(backend.compute_class_maps(artifact.path, view, lambda _: None), classes),
            }
        )
    )


def compare_maps(first: ClassMaps, second: ClassMaps, labels: np.ndarray, photos: list[Photo]) -> dict[str, object]:
    """Return the mean and the lowest correlation of the maps of the labels, and the three photos with the lowest."""
    values = [correlate_maps(first.select(row, label), second.select(row, label)) for row, label in enumerate(labels)]
    return {
        "mean_correlation": round(float(np.mean(values)), 4),
        "lowest_correlation": round(min(values), 4),
        "below_0.9": int(np.sum(np.array(values) < 0.9)),
        "most_different": [[photos[row].path, round(values[row], 4)] for row in np.argsort(values)[:3]],
    }


def paste_photos(photos: np.ndarray, predicted: np.ndarray, labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Paste into each photo that is predicted correctly the next one of another class, at half the side.

    Returns:
        uint8 [pasted, height, width, 3], with the patch in the upper left, upper right, lower left and lower right
        corner in turn, and the class of each patch: int64 [pasted].
    """
    right = [row for row, label in enumerate(labels) if predicted[row] == label]
    pairs = [
        (row, next(other for other in (*right[place:], *right[:place]) if labels[other] != labels[row]))
        for place, row in enumerate(right)
    ]
    height, width = photos.shape[1] // 2, photos.shape[2] // 2
    pasted = photos[[row for row, _ in pairs]].copy()
    for number, (_, other) in enumerate(pairs):
        down, across = divmod(number % 4, 2)
        patch = np.asarray(Image.fromarray(photos[other]).resize((width, height), Image.Resampling.BILINEAR))
        pasted[number, down * height : (down + 1) * height, across * width : (across + 1) * width] = patch
    return pasted, np.array([labels[other] for _, other in pairs])


def count_found(maps: ClassMaps, classes: np.ndarray) -> int:
    """Count the pictures whose map of the pasted class is largest in the quarter of the patch.

    What speaks for all classes alike changes no probability, so the mean over the classes is subtracted.
    """
    found = 0
    for number, label in enumerate(classes):
        values = maps.select(number, label) - maps.maps[number].mean(axis=2) * (maps.maps.shape[3] > 1)
        row, column = np.unravel_index(values.argmax(), values.shape)
        places = [(index + 0.5) / length >= 0.5 for index, length in zip((row, column), values.shape, strict=True)]
        found += places == [bool(bit) for bit in divmod(number % 4, 2)]
    return found


def _read(folder: Path, kind: type[R]) -> R:
    finished = read_finished_stage(folder, kind)
    if finished is None:
        raise ConfigError("not a finished stage of a run", where=(folder,))
    return finished.record


def _compare_logits(maps: ClassMaps, scores: np.ndarray) -> float:
    """Return the largest difference between the logits of the maps and those of the probabilities of a softmax."""
    logits, expected = maps.compute_logits().astype(np.float64), np.log(np.maximum(scores.astype(np.float64), 1e-30))
    if scores.shape[1] == 1:
        return float(np.abs(1 / (1 + np.exp(-logits)) - scores).max())
    # A softmax leaves a constant of each photo open. Tiny probabilities have no exact logarithm.
    sure = scores > 1e-4
    difference = logits - expected
    difference -= np.mean(difference, axis=1, keepdims=True, where=sure)
    return float(np.abs(difference[sure]).max())


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("--format", default="tflite", choices=sorted(BACKENDS))
    parser.add_argument("--method", default="int8")
    parser.add_argument("--photos", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
