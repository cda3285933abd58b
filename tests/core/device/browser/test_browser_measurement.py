"""Percentiles and sentences of a measurement in a browser."""

from edgetl.core.device.browser.browser_measurement import (
    BrowserMeasurement,
    Times,
    describe_browser,
    summarize_percentiles,
    tabulate_browser,
)


def make_measurement(**changes):
    times = Times(p50_ms=1, p90_ms=2, p99_ms=3)
    values = {
        "browser": "Chromium 1",
        "variant": "relaxed",
        "accelerated": True,
        "model_sha256": "0",
        "photos": 4,
        "load_ms": 500.4,
        "first_ms": 20.0,
        "photo": times,
        "model": times,
        "equal_pixels": 4,
        "largest_pixel_difference": 0,
        "same_label": 3,
        "memory_bytes": 17_000_000,
    }
    return BrowserMeasurement(**(values | changes))


def test_percentiles_of_times():
    assert summarize_percentiles([1.0, 2.0, 3.0]) == Times(p50_ms=2.0, p90_ms=2.8, p99_ms=2.98)
    assert summarize_percentiles([]) == Times(p50_ms=0, p90_ms=0, p99_ms=0)


def test_table_has_the_host_beside_the_browser():
    title, columns, rows = tabulate_browser(make_measurement(), 0.5)
    assert "4 photos in Chromium 1" in title and "with XNNPACK" in title
    assert all(len(row) == len(columns) for row in rows)
    assert rows[0][1] == "500" and rows[-1] == ["model alone, host", "0.5", "", ""]
    assert "LiteRT.js, relaxed, with XNNPACK" in title
    assert "without XNNPACK" in tabulate_browser(make_measurement(accelerated=False), 0.5)[0]


def test_table_names_the_runtime_and_its_kernels():
    measurement = make_measurement(runtime="ONNX Runtime Web", variant="simd", kernels="MLAS")
    assert "ONNX Runtime Web, simd, with MLAS" in tabulate_browser(measurement, 0.5)[0]


def test_sentences_say_how_pixels_and_labels_differ():
    lines = describe_browser(make_measurement())
    assert lines[0] == "from their files: 4 of 4 photos have the pixels of the build to the bit"
    assert lines[1] == "3 of 4 have the label of the host (75.00%)"
    lines = describe_browser(make_measurement(equal_pixels=3, largest_pixel_difference=2))
    assert lines[0].endswith(
        "3 of 4 photos have the pixels of the build to the bit, the others differ by at most 2 of 255"
    )
