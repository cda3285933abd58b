"""The record of a measurement in a browser: its times, and whether photos from files give what the build computed."""

from collections.abc import Sequence

import numpy as np

from edgetl.core.record import Record

PERCENTILES = (50, 90, 99)


class Times(Record):
    """Percentiles of times in milliseconds."""

    p50_ms: float
    p90_ms: float
    p99_ms: float


class BrowserMeasurement(Record):
    """What a headless browser on this machine did with the photos of one part, from their files.

    `variant` is that of the runtime, and `accelerated` whether its fast `kernels` ran. `load_ms` is the time to load
    runtime and model, `first_ms` that from the file of the first photo to its prediction, `photo` the same for all
    others, and `model` the time of the model alone. `equal_pixels` counts photos whose pixels are those of the build
    to the bit; `largest_pixel_difference` is that of all others, 0..255. `same_label` counts photos whose most
    probable label is that of the host, from the pixels of the build. `memory_bytes` is the memory of WebAssembly
    after all photos.
    """

    browser: str
    runtime: str = "LiteRT.js"
    kernels: str = "XNNPACK"
    variant: str
    accelerated: bool
    model_sha256: str
    photos: int
    load_ms: float
    first_ms: float
    photo: Times
    model: Times
    equal_pixels: int
    largest_pixel_difference: int
    same_label: int
    memory_bytes: int


def summarize_percentiles(times_ms: Sequence[float]) -> Times:
    """Return the percentiles of times; zeros for none."""
    values = np.percentile(times_ms, PERCENTILES) if len(times_ms) else np.zeros(len(PERCENTILES))
    return Times(**{f"p{rank}_ms": round(float(value), 3) for rank, value in zip(PERCENTILES, values, strict=True)})


def tabulate_browser(measurement: BrowserMeasurement, host_ms: float) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate a measurement: title, columns and rows.

    Args:
        measurement: the measurement.
        host_ms: latency of the model on one thread of this machine.
    """
    photos = measurement.photos
    rows = [
        ["load runtime and model", f"{measurement.load_ms:.0f}", "", ""],
        ["first photo to answer", f"{measurement.first_ms:.1f}", "", ""],
        *(
            [name, f"{times.p50_ms:.1f}", f"{times.p90_ms:.1f}", f"{times.p99_ms:.1f}"]
            for name, times in (("photo to answer", measurement.photo), ("model alone", measurement.model))
        ),
        ["model alone, host", f"{host_ms:.1f}", "", ""],
    ]
    kernels = f"{'with' if measurement.accelerated else 'without'} {measurement.kernels}"
    runtime = f"{measurement.runtime}, {measurement.variant}, {kernels}"
    title = f"{photos} photos in {measurement.browser} on this machine, {runtime}: milliseconds"
    return title, ["time of", "p50", "p90", "p99"], rows


def describe_browser(measurement: BrowserMeasurement) -> list[str]:
    """Describe what a browser computed from the files of the photos, in lines."""
    photos, equal = measurement.photos, measurement.equal_pixels
    rest = "" if equal == photos else f", the others differ by at most {measurement.largest_pixel_difference} of 255"
    return [
        f"from their files: {equal} of {photos} photos have the pixels of the build to the bit{rest}",
        f"{measurement.same_label} of {photos} have the label of the host ({measurement.same_label / photos:.2%})",
        f"memory of WebAssembly: {measurement.memory_bytes / 1e6:.1f} MB",
    ]
