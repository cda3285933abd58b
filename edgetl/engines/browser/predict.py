"""Predicts photos with a model file in a headless browser: the programs are those of a bundle."""

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.device.browser.runtime_files import read_runtime
from edgetl.core.device.bundle_files import name_model_file
from edgetl.core.device.host_latency import HostLatency
from edgetl.core.device.targets import find_target
from edgetl.core.errors import ConfigError
from edgetl.core.interrupt import check_interrupt
from edgetl.core.network.quantization import dequantize
from edgetl.core.parallel import Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Artifact
from edgetl.engines.browser.folder_server import serve_folder
from edgetl.engines.browser.session import run_in_page

PAGE = "judge.html"
_CHUNK = "photos.bin"
_CHUNK_PHOTOS = 64
# Medians of a quiet machine differ by a few percent.
_DISTURBED = 1.25

# The client of the bundle is kept between calls. It needs no button: nothing is shown.
LOAD = """async () => {
  const { ModelClient } = await import("./client.js");
  window.client = new ModelClient();
  const { title, kernels, variant, accelerated, loadMs } = await window.client.load();
  return { title, kernels, variant, accelerated, loadMs };
}"""
_PREDICT = """async ([address, size]) => {
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  const [outputs, times] = [[], []];
  for (let start = 0; start < bytes.length; start += size) {
    const { output, invokeMs } = await window.client.predict(bytes.slice(start, start + size));
    outputs.push([...output]);
    times.push(invokeMs);
  }
  return { outputs, times };
}"""


def predict_in_browser(artifact: Artifact, photos: Pixels, advance: Callable[[int], None]) -> Predictions:
    """Predict decoded photos with a file.

    Args:
        artifact: a model file, whose format chooses the runtime.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos of each chunk.

    Raises:
        ConfigError: the runtime has not been fetched, or the input of the file does not match the photos.
        StageError: the browser does not start, or the page fails.
    """
    shape = (1, *photos.input_spec.shape)
    if tuple(artifact.input.shape) != shape:
        message = f"the model's input is {artifact.input.shape}, the photos are {shape}"
        raise ConfigError(message, where=(artifact.path,))
    rows: list[list[float]] = []
    times_ms: list[float] = []

    def predict_chunks(page: Page) -> dict[str, Any]:
        loaded: dict[str, Any] = page.evaluate(LOAD)
        for start in range(0, len(photos), _CHUNK_PHOTOS):
            check_interrupt()
            chunk = photos.rows(range(start, min(start + _CHUNK_PHOTOS, len(photos))))
            (folder / _CHUNK).write_bytes(chunk.tobytes())
            result = page.evaluate(_PREDICT, [f"{_CHUNK}?{start}", int(np.prod(shape))])
            rows.extend(result["outputs"])
            times_ms.extend(result["times"])
            advance(len(chunk))
        return loaded

    with make_folder(artifact, photos) as folder, serve_folder(folder) as address:
        loaded = run_in_page(address + PAGE, predict_chunks)
    raw = np.array(rows, dtype=artifact.output.dtype)
    return Predictions(
        raw=raw,
        scores=dequantize(raw, artifact.output.scale, artifact.output.zero_point),
        latency=summarize_times(times_ms),
        accelerated=bool(loaded["accelerated"]),
    )


def summarize_times(times_ms: list[float]) -> HostLatency:
    """Return the median of times, and whether other processes disturbed them: the quartiles then differ much."""
    if len(times_ms) < 2:
        return HostLatency(ms=round(sum(times_ms), 4), disturbed=True)
    lower, median, upper = statistics.quantiles(times_ms, n=4)
    return HostLatency(ms=round(median, 4), disturbed=upper > _DISTURBED * lower)


@contextmanager
def make_folder(artifact: Artifact, photos: Pixels) -> Iterator[Path]:
    """Make a folder with the programs of a bundle, the runtime and the file; remove it at the end of the block."""
    runtime = PAGE_RUNTIMES[artifact.format]
    model = name_model_file(artifact)
    facts = {
        "model": model,
        "input": {
            **artifact.input.model_dump(mode="json"),
            "height_px": photos.input_spec.height_px,
            "width_px": photos.input_spec.width_px,
            "fit": photos.input_spec.fit,
        },
        "output": {"labels": [str(unit) for unit in range(max(2, artifact.output.shape[-1]))]},
    }
    with tempfile.TemporaryDirectory(prefix="edgetl-browser-") as name:
        folder = Path(name)
        for file in find_target(runtime.target).payload:
            shutil.copyfile(file.path, folder / file.name)
        for path, content in read_runtime(runtime.packages).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
        shutil.copyfile(artifact.path, folder / model)
        (folder / "model.json").write_text(json.dumps(facts))
        (folder / PAGE).write_text('<!doctype html><title>edgetl</title><link rel="icon" href="data:,">')
        yield folder
