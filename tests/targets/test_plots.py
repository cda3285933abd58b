"""plots.py: a measure becomes a plot whose lengths and places are those of its figures."""

import re
from xml.etree import ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"


def figure(ms: float) -> dict[str, object]:
    percentile = {"ms": ms, "low_ms": 0.9 * ms, "high_ms": 1.1 * ms}
    return {"p50": percentile, "p90": percentile, "p99": percentile}


@pytest.fixture
def measure() -> dict[str, object]:
    times = {"decode": 1.0, "preprocess": 2.0, "invoke": 4.0, "postprocess": 1.0}
    return {
        "valid": True,
        "reasons": [],
        "best_threads": 2,
        "sweep": [{"threads": 1, "steady": figure(8.0)}, {"threads": 2, "steady": figure(4.0)}],
        "photo": {name: figure(ms) for name, ms in times.items()},
        "soak": {
            "seconds": 10.0,
            "start_s": 5.0,
            "drift": 0.5,
            "windows": [{"at_s": 5.0, "p50_ms": 4.0, "p90_ms": 5.0}, {"at_s": 10.0, "p50_ms": 6.0, "p90_ms": 8.0}],
        },
        "watch": {"at_s": [4.0, 6.0, 15.0, 16.0], "temperature_c": [40.0, 50.0, 80.0, 90.0]},
    }


@pytest.fixture(scope="module")
def plots(payload):
    return payload("plots")


def test_bars_are_as_long_as_their_times(plots, measure):
    lines = plots.terminal(measure)
    assert lines[1].count("█") == 2 * lines[2].count("█") == 40
    assert "8.000 ms" in lines[1] and lines[2].endswith("4.000 ms  ← best")
    assert lines[3].startswith("latency over 10 s, 4.000 to 6.000 ms") and len(lines) == 5


def test_without_a_soak_there_is_no_curve(plots, measure):
    measure["soak"] = None
    assert len(plots.terminal(measure)) == 3
    assert "polyline" not in plots.svg(measure, "title")


@pytest.mark.parametrize(
    ("values", "line"), [([1.0, 1.0], "██"), ([0.0, 4.0, 8.0], " ▄█"), ([0.0], " "), ([9.9, 10.0], "██")]
)
def test_a_sparkline_begins_at_zero(plots, values, line):
    assert plots.sparkline(values) == line


def test_the_svg_shows_what_was_measured(plots, measure):
    root = ElementTree.fromstring(plots.svg(measure, "a <b> & c"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[:2] == ["a <b> & c", "valid"]
    widths = [float(box.get("width", "0")) for box in root.iter(f"{SVG}rect")][1:]
    assert widths[:4] == pytest.approx([91, 182, 364, 91], abs=0.1)
    assert widths[4] == pytest.approx(2 * widths[5], abs=0.2)
    curves = [element.get("points") for element in root.iter(f"{SVG}polyline")]
    # p90, p50, and of the temperatures those that were taken during the soak.
    assert len(curves) == 3 and len(curves[2].split()) == 2
    heights = [float(place.split(",")[1]) for place in curves[1].split()]
    assert heights[0] > heights[1]
    assert "80 °C" in texts


def test_nothing_leaves_the_picture(plots, measure):
    text = plots.svg(measure, "title")
    height = float(re.search(r'viewBox="0 0 760 ([\d.]+)"', text)[1])
    for x, y in re.findall(r"([\d.-]+),([\d.-]+)", " ".join(re.findall(r'points="([^"]+)"', text))):
        assert 0 <= float(x) <= 760 and 0 <= float(y) <= height


def test_an_invalid_run_says_so_in_the_picture(plots, measure):
    measure["valid"], measure["reasons"] = False, ["throttled during the run", "busy"]
    assert "INVALID: throttled during the run; busy" in plots.svg(measure, "title")


def test_a_soak_of_no_time(plots, measure):
    measure["soak"].update(seconds=0.0, windows=[{"at_s": 0.0, "p50_ms": 0.4, "p90_ms": 0.4}])
    assert plots.svg(measure, "title").startswith("<svg")
