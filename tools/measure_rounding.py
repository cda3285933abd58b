#!/usr/bin/env python3
"""Measure what AdaRound recovers of the accuracy that int8 loses.

    python tools/measure_rounding.py RUN... [--part validation test] [--format tflite]

RUN is a run folder with a trained model and its ranges (`edgetl build PHOTOS --method int8`), whose photos are
still in the cache. From the ranges, the files of int8 and int8_adaround are made as a build makes them. Other
int8 files of the run, as of qat8 after `--all-methods`, are compared, too. Each predicts all photos of the part on fast
kernels. Drops are relative to the Keras model, with one-sided 95 % bounds of the contract. Seconds are processor time,
so that other processes do not show in them: of the conversion, and of the training of qat8.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.contract import count_decisions
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import METHODS, Method
from edgetl.core.model_file import ModelMetadata
from edgetl.core.photos import pixel_store
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe.tables import Recipe
from edgetl.core.record import Record
from edgetl.core.records import ActivationRanges, Artifact, Dataset, Part, Photo, Trained
from edgetl.core.run.durations import read_costs
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.core.verdict_records import Comparison
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.pipeline.order import load_order
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.rounding import format_rounding

R = TypeVar("R", bound=Record)

_KEY = ("run", "format", "part", "method")
_CONFIDENCE = 0.95


def main() -> None:
    """Measure all runs; print the table, or write rows."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "rounding.jsonl")
    rows = [row for run in options.runs for row in measure_run(run, options.format, options.part)]
    if options.write:
        write_rows(options.write / "rounding.jsonl", rows, _KEY)
    print(format_rounding(rows))


def measure_run(run: Path, format_name: FormatName, parts: Sequence[Part]) -> list[Row]:
    """Measure the int8 files of a run on parts of its photos.

    Raises:
        ConfigError: the folder contains no trained model or no activation ranges.
    """
    dataset, trained = read_finished(run / "ingest", Dataset), read_finished(run / "train", Trained)
    with TemporaryDirectory(prefix="edgetl-rounding-") as work:
        files = list(_list_files(run, format_name, Path(work)))
        return [
            {"run": run.name, "format": format_name, "part": part, **row}
            for part in parts
            for row in _measure_files(files, format_name, trained, dataset.part(part))
        ]


def _measure_files(
    files: Sequence[tuple[str, Path, float]], format_name: FormatName, trained: Trained, photos: Sequence[Photo]
) -> Iterator[Row]:
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], trained.input)
    reference = keras_model.predict_scores(keras_model.load_model(trained.path), pixels)
    for method, path, seconds in files:
        kernels = FORMATS[format_name].fast_kernels
        comparison = metrics.compare_scores(
            list_labels(photos),
            metrics.expand_sigmoid(reference),
            metrics.expand_sigmoid(BACKENDS[format_name].predict(path, pixels, kernels, lambda _: None).scores),
            [photo.group for photo in photos],
            make_task(trained.threshold_values),
        )
        yield {"method": method, "photos": len(photos), "seconds": seconds, **describe_comparison(comparison)}


def describe_comparison(comparison: Comparison) -> Row:
    """Return accuracy, drop with bounds, counts and agreement of a comparison."""
    counts = count_decisions(comparison)
    low, high = counts.compute_bounds(_CONFIDENCE)
    return {
        "accuracy": comparison.accuracy,
        "drop": counts.drop,
        "drop_low": low,
        "drop_high": high,
        "broke": comparison.broke,
        "fixed": comparison.fixed,
        "agreement": comparison.agreement,
    }


def _list_files(run: Path, format_name: FormatName, work: Path) -> Iterator[tuple[str, Path, float]]:
    """Yield method, file and seconds of int8, of int8_adaround, and of the other int8 files of the run."""
    ranges, trained = (
        read_finished(run / f"calibrate-{format_name}", ActivationRanges),
        read_finished(run / "train", Trained),
    )
    dataset, recipe = read_finished(run / "ingest", Dataset), load_order(run).recipe
    backend, calibrated = BACKENDS[format_name], ranges.path.read_bytes()
    metadata = ModelMetadata(classes=trained.classes, input=trained.input)
    start = time.process_time()
    int8 = work / f"int8.{format_name}"
    int8.write_bytes(backend.quantize(calibrated, METHODS["int8"], (), metadata))
    yield "int8", int8, time.process_time() - start
    photos = _open_calibration_photos(dataset, trained, recipe)
    start = time.process_time()
    rounded = work / f"int8_adaround.{format_name}"
    rounded.write_bytes(backend.round_weights(calibrated, photos, metadata, lambda _: None)[0])
    yield "int8_adaround", rounded, time.process_time() - start
    costs = {name: cost.processor_s for name, cost in read_costs(run).items()}
    for folder in sorted(run.glob(f"convert-{format_name}-*")):
        finished = read_finished_stage(folder, Artifact)
        if finished is None or finished.record.method in ("int8", "int8_adaround"):
            continue
        method = METHODS[finished.record.method]
        if method.activations == "int8" and not method.mixed:
            yield method.name, finished.record.path, count_method_s(costs, folder.name, method)


def count_method_s(costs: Mapping[str, float], stage: str, method: Method) -> float:
    """Add up the seconds of a conversion, and of the training before it where the method trains.

    Args:
        costs: name of a stage → its seconds.
        stage: the conversion.
        method: its method.
    """
    return costs[stage] + (costs[f"retrain-{method.retraining}"] if method.retraining else 0.0)


def _open_calibration_photos(dataset: Dataset, trained: Trained, recipe: Recipe) -> Pixels:
    photos = draw_calibration_photos(dataset, recipe.convert.calibration_photos, recipe.training.seed)
    return pixel_store.open_pixels([photo.sha256 for photo in photos], trained.input)


def read_finished(folder: Path, kind: type[R]) -> R:
    """Read the record of a finished stage.

    Raises:
        ConfigError: the stage is not finished.
    """
    finished = read_finished_stage(folder, kind)
    if finished is None:
        raise ConfigError(
            "no finished stage", where=(folder,), hint="build it first: edgetl build PHOTOS --method int8"
        )
    return finished.record


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--part", nargs="+", choices=("validation", "test"), default=["validation"])
    parser.add_argument("--format", choices=tuple(FORMATS), default="tflite")
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
