#!/usr/bin/env python3
"""Measure how often the interval of a learning curve from half of the photos holds the accuracy on all of them.

    python tools/measure_learning_curves.py PHOTOS

Half of the photos are drawn several times. Each time the accuracy of heads on as many photos as all heads have is
predicted with an interval of 90 %. One line of JSON is printed for each draw, and one with the fraction of intervals
that hold the accuracy measured on all photos.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from edgetl.core.console import Console
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.learning_curves import SubsetPredictions, predict_accuracy
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.parts.folds import assign_folds, list_all_photos
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec, Photo
from edgetl.engines.inspection import heads, subset_heads
from edgetl.engines.inspection.pooled_features import compute_pooled_features
from edgetl.engines.keras import build
from edgetl.stages.ingest import ingest_photos
from edgetl.stages.pages.inspect import FOLDS
from tools.errors import report_errors

_DRAWS_OF_SUBSETS = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how often intervals of learning curves hold.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    recipe = resolve_recipe("default")
    input_spec = InputSpec(height_px=recipe.base.side_px, width_px=recipe.base.side_px, fit="crop")
    split = SplitFractions(test=recipe.photos.test, validation=recipe.photos.validation)
    dataset = ingest_photos(scan_photos(options.photos), input_spec, split, console=Console(quiet=True))
    photos = list_all_photos(dataset)
    raw = compute_pooled_features(
        [photo.sha256 for photo in photos], input_spec, (recipe.base, build.fetch_weights(recipe.base)), lambda _: None
    )
    features, groups = heads.reduce_features(raw), number_groups([photo.group for photo in photos])
    whole = _predict(features, photos, groups, 0)
    accuracy, largest = float(whole.right[:, -1].mean()), int(whole.photos[-1])
    held = 0
    for draw in range(1, options.draws + 1):
        names = np.unique(groups)
        chosen = np.random.default_rng(draw).choice(names, len(names) // 2, replace=False)
        rows = np.flatnonzero(np.isin(groups, chosen))
        half = _predict(features[rows], [photos[row] for row in rows], groups[rows], 100 * draw)
        predicted, low, high = predict_accuracy(half, groups[rows], largest)
        held += low <= accuracy <= high
        print(json.dumps({"draw": draw, "predicted": predicted, "low": low, "high": high}), flush=True)
    print(json.dumps({"photos": largest, "accuracy": accuracy, "draws": options.draws, "held": held / options.draws}))


def _predict(
    features: np.ndarray, photos: list[Photo] | tuple[Photo, ...], groups: np.ndarray, seed: int
) -> SubsetPredictions:
    labels = np.array([photo.label for photo in photos], np.int64)
    divisions = [assign_folds(photos, groups, FOLDS, seed + number) for number in range(_DRAWS_OF_SUBSETS)]
    return subset_heads.predict_by_subsets(features, labels, groups, divisions)


if __name__ == "__main__":
    with report_errors():
        main()
