#!/usr/bin/env python3
"""Measure how many wrong labels `edgetl inspect` finds, and how many of those that it names are wrong.

    python tools/measure_label_errors.py PHOTOS [PHOTOS ...]

The labels of 2, 5 and 10 % of the photos are changed to another class by chance, several times. Precision is the
fraction of changed labels among those that are named, recall the fraction of changed labels that are named. Labels that
were wrong before count against the precision. One line of JSON is printed for each folder and rate.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from edgetl.core.console import Console
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.parts.folds import assign_folds, list_all_photos
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.engines.inspection import heads, label_issues
from edgetl.engines.inspection.pooled_features import compute_pooled_features
from edgetl.engines.keras import build
from edgetl.stages.ingest import ingest_photos
from edgetl.stages.pages.inspect import DIVISIONS, FOLDS
from tools.errors import report_errors

_RATES = (0.02, 0.05, 0.1)


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    for folder in options.photos:
        _measure(folder, options)


def flip_labels(labels: np.ndarray, classes: int, rate: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Change a fraction of labels to another class; return the labels and the changed rows."""
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(labels), max(1, round(rate * len(labels))), replace=False)
    flipped = labels.copy()
    flipped[rows] = (labels[rows] + generator.integers(1, classes, len(rows))) % classes
    return flipped, rows


def _measure(folder: Path, options: argparse.Namespace) -> None:
    tables = {"base": {"alpha": options.alpha, **({"side_px": options.side} if options.side else {})}}
    recipe = resolve_recipe("default", tables)
    input_spec = InputSpec(height_px=recipe.base.side_px, width_px=recipe.base.side_px, fit="crop")
    split = SplitFractions(test=recipe.photos.test, validation=recipe.photos.validation)
    dataset = ingest_photos(scan_photos(folder), input_spec, split, console=Console(quiet=True))
    photos = list_all_photos(dataset)
    raw = compute_pooled_features(
        [photo.sha256 for photo in photos], input_spec, (recipe.base, build.fetch_weights(recipe.base)), lambda _: None
    )
    features = heads.reduce_features(raw)
    groups = number_groups([photo.group for photo in photos])
    labels = np.array([photo.label for photo in photos], np.int64)
    for rate in _RATES:
        precisions, recalls, seconds = [], [], []
        for seed in range(options.draws):
            flipped, rows = flip_labels(labels, len(dataset.classes), rate, seed)
            changed = [
                photo.model_copy(update={"label": label}) for photo, label in zip(photos, flipped.tolist(), strict=True)
            ]
            start = time.monotonic()
            divisions = tuple(assign_folds(changed, groups, FOLDS, number) for number in range(1, DIVISIONS + 1))
            named, _, _ = label_issues.find_wrong_labels(features, flipped, divisions)
            seconds.append(time.monotonic() - start)
            hits = np.isin(named, rows).sum()
            precisions.append(float(hits / max(1, len(named))))
            recalls.append(float(hits / len(rows)))
        row = {
            "photos": folder.name,
            "count": len(photos),
            "alpha": recipe.base.alpha,
            "side_px": recipe.base.side_px,
            "flipped": rate,
            "draws": options.draws,
            "precision": round(statistics.mean(precisions), 3),
            "recall": round(statistics.mean(recalls), 3),
            "lowest_precision": round(min(precisions), 3),
            "lowest_recall": round(min(recalls), 3),
            "seconds": round(statistics.median(seconds), 1),
        }
        print(json.dumps(row), flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how many wrong labels edgetl inspect finds.")
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--side", type=int, default=0, help="pixels; default: that of the base")
    parser.add_argument("--draws", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
