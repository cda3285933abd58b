"""Measures a model file in a headless browser, from the files of photos."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from edgetl.core.device.browser.browser_measurement import BrowserMeasurement, summarize_percentiles
from edgetl.core.interrupt import check_interrupt
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Artifact
from edgetl.engines.browser.folder_server import serve_folder
from edgetl.engines.browser.predict import LOAD, PAGE, make_folder
from edgetl.engines.browser.session import run_in_page

_PHOTO, _PIXELS = "photo.bin", "pixels.bin"

# The time ends when the answer is here. The comparison of the pixels comes after it.
_MEASURE = """async (query) => {
  const { findLargestDifference } = await import("./selfcheck.js");
  const load = async (name) => new Uint8Array(await (await fetch(`${name}?${query}`)).arrayBuffer());
  const [bytes, expected] = [await load("photo.bin"), await load("pixels.bin")];
  const start = performance.now();
  const { answer, latency, pixels, invokeMs } = await window.client.photo(bytes, true);
  const photoMs = performance.now() - start;
  return { label: Number(answer.label), photoMs, invokeMs, difference: findLargestDifference(pixels, expected) };
}"""


def bench_in_browser(
    artifact: Artifact, photos: Pixels, paths: Sequence[Path], advance: Callable[[int], None]
) -> tuple[BrowserMeasurement, list[int]]:
    """Measure a file.

    Args:
        artifact: a model file, whose format chooses the runtime.
        photos: the pixels that the build has decoded, uint8 [photos, height, width, 3].
        paths: the files of these photos, in the same order.
        advance: called with 1 after each photo.

    Returns:
        The measurement, with 0 for `same_label`, and the most probable label of each photo.

    Raises:
        ConfigError: the runtime has not been fetched.
        StageError: the browser does not start, or the page fails.
    """

    def measure(page: Page) -> dict[str, Any]:
        loaded: dict[str, Any] = page.evaluate(LOAD)
        rows = []
        for number, path in enumerate(paths):
            check_interrupt()
            shutil.copyfile(path, folder / _PHOTO)
            (folder / _PIXELS).write_bytes(photos.rows([number]).tobytes())
            rows.append(page.evaluate(_MEASURE, str(number)))
            advance(1)
        memory = page.evaluate("() => window.client.memory()")
        return {**loaded, "rows": rows, "memory": memory, "browser": page.context.browser.version}

    with make_folder(artifact, photos) as folder, serve_folder(folder) as address:
        result = run_in_page(address + PAGE, measure)
    rows = result["rows"]
    differences = np.array([row["difference"] for row in rows])
    measurement = BrowserMeasurement(
        browser=f"Chromium {result['browser']}",
        runtime=result["title"],
        kernels=result["kernels"],
        variant=result["variant"],
        accelerated=bool(result["accelerated"]),
        model_sha256=artifact.sha256,
        photos=len(rows),
        load_ms=round(result["loadMs"], 1),
        first_ms=round(rows[0]["photoMs"], 3),
        photo=summarize_percentiles([row["photoMs"] for row in rows[1:]]),
        model=summarize_percentiles([row["invokeMs"] for row in rows[1:]]),
        equal_pixels=int((differences == 0).sum()),
        largest_pixel_difference=int(differences.max()),
        same_label=0,
        memory_bytes=result["memory"],
    )
    return measurement, [row["label"] for row in rows]
