#!/usr/bin/env python3
"""Measure the page of the browser targets in a headless browser: equal pixels, labels and outputs, and its memory.

    python tools/measure_browser.py RUN PHOTOS --photos 200 --enlarge 1 --enlarge 5
    python tools/measure_browser.py RUN PHOTOS --predictions 20000
    python tools/measure_browser.py RUN --outputs --format onnx --method int8
    python tools/measure_browser.py RUN --latency 400 --format onnx --method int8

The model is a file of RUN, a folder of a finished build: int8 and .tflite without --format and --method. The first form
opens photos from their files: it counts those with the pixels of pixels.py to the bit, and those with the label that
the host computes from these pixels. A factor above 1 enlarges the photos and saves them as JPEG with quality 92,
because large ones are decoded at a reduced size. The second form predicts so many photos from files, one after another,
and reads the memory of the page with its worker and its WebAssembly at 20 points; the growth is the slope of a line
through the second half of them. The third form predicts the test photos of RUN from their pixels in the browser and on
this machine, and compares the outputs. The fourth form predicts the same pixels so many times, and has the shortest
time of the model alone.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from edgetl.core.errors import ConfigError
from edgetl.core.formats import FORMATS
from edgetl.core.parallel import Predictions
from edgetl.core.photos import pixels
from edgetl.core.photos.pixel_store import DecodedPixels
from edgetl.core.record import Record
from edgetl.core.records import Artifact, Dataset, Trained
from edgetl.core.run.run_folder import make_folder_name, read_finished_stage
from edgetl.engines.backends import BACKENDS
from edgetl.engines.browser.bench import bench_in_browser
from edgetl.engines.browser.folder_server import serve_folder
from edgetl.engines.browser.predict import LOAD, PAGE, make_folder, predict_in_browser
from edgetl.engines.browser.session import run_in_page
from tools.errors import report_errors
from tools.results_files import Row, describe_machine

R = TypeVar("R", bound=Record)

_JPEG_QUALITY = 92
_READINGS = 20

_PREDICT_FILES = """async ([names, count]) => {
  const files = [];
  for (const name of names) files.push(new Uint8Array(await (await fetch(name)).arrayBuffer()));
  for (let number = 0; number < count; number += 1) await window.client.photo(files[number % files.length].slice());
}"""
# One photo after another. A browser compiles WebAssembly again while it runs, so the first ones are slow.
_PREDICT_PIXELS = """async ([size, count]) => {
  const pixels = Uint8Array.from({ length: size }, (_, index) => (index * 7919) % 256);
  const times = [];
  for (let number = 0; number < count; number += 1) times.push((await window.client.predict(pixels)).invokeMs);
  return times;
}"""
# Garbage is collected before the memory is measured. The number is that of the page and its worker.
_READ_MEMORY = """async () => {
  const { bytes } = await performance.measureUserAgentSpecificMemory();
  return { bytes, webAssembly: await window.client.memory() };
}"""


def main() -> None:
    """Measure and print one line of JSON for each measurement."""
    options = _parse_options()
    convert = options.run / make_folder_name("convert", options.format, options.method)
    artifact, trained = _read_record(convert, Artifact), _read_record(options.run / "train", Trained)
    with tempfile.TemporaryDirectory() as folder:
        if options.outputs:
            rows = [measure_outputs(artifact, trained, _read_record(options.run / "ingest", Dataset))]
        elif options.latency:
            rows = [measure_latency(artifact, trained, options.latency)]
        elif options.predictions:
            rows = [measure_memory(artifact, trained, options.paths, options.predictions)]
        else:
            rows = [
                measure_labels(artifact, trained, enlarge_photos(options.paths, factor, Path(folder)), factor)
                for factor in options.enlarge or [1]
            ]
    for row in rows:
        print(json.dumps({"machine": describe_machine(), **row}))


def measure_labels(artifact: Artifact, trained: Trained, paths: Sequence[Path], factor: int) -> Row:
    """Classify photos from their files; count those with the pixels of the build and the label of the host."""
    photos = _decode_photos(trained, paths)
    measurement, labels = bench_in_browser(artifact, photos, paths, lambda _: None)
    host = _predict_here(artifact, photos)
    same = int((host.scores.argmax(axis=1) == np.array(labels)).sum())
    return {
        "enlarged": factor,
        "photos": len(paths),
        "equal_pixels": measurement.equal_pixels,
        "largest_pixel_difference": measurement.largest_pixel_difference,
        "same_label": same,
        "load_ms": measurement.load_ms,
        "first_ms": measurement.first_ms,
        "photo_p50_ms": measurement.photo.p50_ms,
        "model_p50_ms": measurement.model.p50_ms,
    }


def measure_outputs(artifact: Artifact, trained: Trained, dataset: Dataset) -> Row:
    """Predict the test photos from their pixels in the browser and on this machine; compare the outputs."""
    photos = _decode_photos(trained, [dataset.root / photo.path for photo in dataset.test])
    browser = predict_in_browser(artifact, photos, lambda _: None)
    host = _predict_here(artifact, photos)
    return {
        "format": artifact.format,
        "method": artifact.method,
        **compare_outputs(browser, host),
        "browser_ms": browser.latency.ms,
        "host_ms": host.latency.ms,
    }


def compare_outputs(browser: Predictions, host: Predictions) -> Row:
    """Count the photos with equal outputs and with equal labels, and find the largest difference of a probability."""
    return {
        "photos": len(host.raw),
        "equal_outputs": int((browser.raw == host.raw).all(axis=1).sum()),
        "same_label": int((browser.scores.argmax(axis=1) == host.scores.argmax(axis=1)).sum()),
        "largest_difference": float(np.abs(browser.scores - host.scores).max()),
    }


def measure_latency(artifact: Artifact, trained: Trained, predictions: int) -> Row:
    """Predict the same pixels so many times; return the shortest time, which other processes disturb least."""
    shape = trained.input.shape
    photos = DecodedPixels(np.zeros((1, *shape), np.uint8), trained.input)

    def predict(page: Page) -> list[float]:
        page.evaluate(LOAD)
        times: list[float] = page.evaluate(_PREDICT_PIXELS, [int(np.prod(shape)), predictions])
        return times

    with make_folder(artifact, photos) as folder, serve_folder(folder) as address:
        times_ms = run_in_page(address + PAGE, predict)
    return {
        "format": artifact.format,
        "method": artifact.method,
        "predictions": len(times_ms),
        "shortest_ms": round(min(times_ms), 2),
        "median_ms": round(float(np.median(times_ms)), 2),
    }


def measure_memory(artifact: Artifact, trained: Trained, paths: Sequence[Path], predictions: int) -> Row:
    """Predict photos from their files so many times; return the memory at the start and the end, and its growth."""
    readings: list[dict[str, Any]] = []

    def predict(page: Page) -> None:
        page.evaluate(LOAD)
        names = [f"photo{number}.bin" for number in range(len(paths))]
        for _ in range(_READINGS):
            page.evaluate(_PREDICT_FILES, [names, predictions // _READINGS])
            readings.append(page.evaluate(_READ_MEMORY))

    with make_folder(artifact, _decode_photos(trained, paths[:1])) as folder, serve_folder(folder) as address:
        for number, path in enumerate(paths):
            shutil.copyfile(path, folder / f"photo{number}.bin")
        run_in_page(address + PAGE, predict)
    counts = [(number + 1) * (predictions // _READINGS) for number in range(_READINGS)]
    slope, error = fit_growth(counts, [reading["bytes"] for reading in readings])
    return {
        "predictions": counts[-1],
        "first_bytes": readings[0]["bytes"],
        "last_bytes": readings[-1]["bytes"],
        "growth_bytes_per_1000": round(1000 * slope),
        "standard_error_bytes_per_1000": round(1000 * error),
        "first_webassembly_bytes": readings[0]["webAssembly"],
        "last_webassembly_bytes": readings[-1]["webAssembly"],
    }


def fit_growth(counts: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Return the slope of a line through the second half of the points, and its standard error.

    Args:
        counts: predictions so far, at each reading.
        values: bytes, at each reading.
    """
    half = len(counts) // 2
    x, y = np.array(counts[half:], float), np.array(values[half:], float)
    x = x - x.mean()
    slope = float((x * y).sum() / (x**2).sum())
    rest = y - y.mean() - slope * x
    # Two parameters are fitted.
    return slope, float(np.sqrt((rest**2).sum() / (len(x) - 2) / (x**2).sum()))


def enlarge_photos(paths: Sequence[Path], factor: int, folder: Path) -> Sequence[Path]:
    """Write photos so many times as wide and high as JPEG files; return the paths as they are for the factor 1."""
    if factor == 1:
        return paths
    results = []
    for number, path in enumerate(paths):
        with Image.open(path) as photo:
            large = photo.convert("RGB").resize((photo.width * factor, photo.height * factor), Image.Resampling.BICUBIC)
        results.append(folder / f"{factor}-{number}.jpg")
        large.save(results[-1], quality=_JPEG_QUALITY)
    return results


def _decode_photos(trained: Trained, paths: Sequence[Path]) -> DecodedPixels:
    spec = trained.input
    rows = [pixels.load_photo(path, spec.height_px, spec.width_px, spec.fit) for path in paths]
    return DecodedPixels(np.stack(rows), spec)


def _predict_here(artifact: Artifact, photos: DecodedPixels) -> Predictions:
    kernels = FORMATS[artifact.format].fast_kernels
    return BACKENDS[artifact.format].predict(artifact.path, photos, kernels, lambda _: None)


def _read_record(stage: Path, kind: type[R]) -> R:
    finished = read_finished_stage(stage, kind)
    if not finished:
        raise ConfigError("the run has no such stage", where=(stage,), hint="edgetl build PHOTOS --target browser")
    return finished.record


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the page of the browser target in a headless browser.")
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("photos_folder", type=Path, metavar="PHOTOS", nargs="?")
    parser.add_argument("--format", choices=list(FORMATS), default="tflite", help="of the file (%(default)s)")
    parser.add_argument("--method", default="int8", help="of the file (%(default)s)")
    parser.add_argument("--outputs", action="store_true", help="compare the outputs for the test photos of RUN")
    parser.add_argument("--photos", type=int, default=80, help="largest number of photos, evenly drawn (%(default)s)")
    parser.add_argument("--enlarge", type=int, action="append", help="factor of the sides; may be repeated (1)")
    parser.add_argument("--predictions", type=int, default=0, help="measure the memory over so many predictions")
    parser.add_argument("--latency", type=int, default=0, help="measure the time of so many predictions")
    options = parser.parse_args()
    if options.outputs or options.latency:
        return options
    if options.photos_folder is None:
        parser.error("PHOTOS is missing")
    paths = sorted(path for path in options.photos_folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    # Rounded up, so that no more than --photos are left.
    options.paths = paths[:: max(1, -(-len(paths) // options.photos))]
    if not options.paths:
        parser.error(f"no JPEG files in {options.photos_folder}")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
