#!/usr/bin/env python3
"""Measure quantization-aware training of more and of fewer layers: processor seconds, and what its file loses.

    python tools/measure_qat.py RUN --trained-layers 1 0.5 [--part validation test] [--keep FOLDER]

RUN is a run folder with a trained model (`edgetl build PHOTOS`) whose photos are still in the cache. For each fraction
of the layers, the model is retrained as the method qat8 does it, and converted to TFLite. The file predicts all photos
of the parts. Drops are relative to the Keras model, with one-sided 95 % bounds. The seconds are the processor time that
the child process records, so that other processes show little in them. What is in FOLDER is not trained again.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.evaluation import metrics
from edgetl.core.model_file import ModelMetadata
from edgetl.core.photos import pixel_store
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.progress import TrainingListener
from edgetl.core.recipe.tables import RetrainingTables
from edgetl.core.records import Dataset, Part, Trained
from edgetl.core.retrain_job import RetrainOutcome
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tfmot.launcher import RetrainRequest, run_retraining
from edgetl.pipeline.order import load_order
from tools.errors import report_errors
from tools.measure_rounding import describe_comparison, read_finished
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.rounding import format_rounding

_RESULTS_FILE = "qat.jsonl"
# The record of a retraining: the child process writes it last.
_OUTCOME = "outcome.json"
_KEY = ("run", "format", "part", "method")


def main() -> None:
    """Measure; print the table, or write rows."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / _RESULTS_FILE)
    with TemporaryDirectory(prefix="edgetl-qat-") as work:
        rows = []
        for fraction in options.trained_layers:
            folder = (options.keep or Path(work)) / f"{fraction:g}"
            if not (folder / _OUTCOME).exists():
                folder.mkdir(parents=True)
                retrain(options.run, fraction, folder)
            rows += measure_file(options.run, fraction, folder, options.part)
    if options.write:
        write_rows(options.write / _RESULTS_FILE, rows, _KEY)
    print(format_rounding(rows))


def retrain(run: Path, fraction: float, folder: Path) -> None:
    """Retrain the model of a run; the child process writes its results to a folder."""
    dataset, trained = read_finished(run / "ingest", Dataset), read_finished(run / "train", Trained)
    recipe = load_order(run).recipe.select(RetrainingTables)
    recipe = recipe.model_copy(update={"retrain": recipe.retrain.model_copy(update={"trained_layers": fraction})})
    request = RetrainRequest(
        kind="qat",
        input=trained.input,
        dataset=dataset,
        calibration=draw_calibration_photos(dataset, recipe.convert.calibration_photos, recipe.training.seed),
        agreement_photos=dataset.validation,
        recipe=recipe,
        fits_temperature=recipe.training.temperature,
    )
    listener = TrainingListener(begin=_ignore, step=_ignore, epoch=print, say=print)
    run_retraining(trained.path, request, folder, listener)


def measure_file(run: Path, fraction: float, folder: Path, parts: list[Part]) -> list[Row]:
    """Convert a retrained model to TFLite, and compare its predictions with those of the Keras model."""
    dataset, trained = read_finished(run / "ingest", Dataset), read_finished(run / "train", Trained)
    outcome = RetrainOutcome.model_validate_json((folder / _OUTCOME).read_text(encoding="utf-8"))
    seconds = round(outcome.processor_s, 1)
    backend, path = BACKENDS["tflite"], folder / "qat8.tflite"
    photo = pixel_store.open_pixels([dataset.train[0].sha256], trained.input)
    metadata = ModelMetadata(classes=trained.classes, input=trained.input)
    path.write_bytes(backend.convert_qat(folder / "saved_model", photo, metadata))
    rows: list[Row] = []
    for part in parts:
        photos = dataset.part(part)
        pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], trained.input)
        comparison = metrics.compare_scores(
            list_labels(photos),
            metrics.expand_sigmoid(keras_model.predict_scores(keras_model.load_model(trained.path), pixels)),
            metrics.expand_sigmoid(backend.predict(path, pixels, "xnnpack", lambda _: None).scores),
            [photo.group for photo in photos],
            make_task(trained.threshold_values),
        )
        identity = {"run": run.name, "format": "tflite", "part": part, "method": f"qat8, trained_layers = {fraction:g}"}
        rows.append({**identity, "photos": len(photos), "seconds": seconds, **describe_comparison(comparison)})
    return rows


def _ignore(*_: object) -> None:
    return None


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--trained-layers", nargs="+", type=float, default=[1.0, 0.5], metavar="FRACTION")
    parser.add_argument("--part", nargs="+", choices=("validation", "test"), default=["validation"])
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
