"""plots.py: bars, curves and positions of the plots are those of the measurement."""

import re
from xml.etree import ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"


def make_summary(ms: float) -> dict[str, object]:
    percentile = {"ms": ms, "low_ms": 0.9 * ms, "high_ms": 1.1 * ms}
    return {"p50": percentile, "p90": percentile, "p99": percentile}


@pytest.fixture
def measurement() -> dict[str, object]:
    steps_ms = {"decode": 1.0, "preprocess": 2.0, "invoke": 4.0, "postprocess": 1.0}
    return {
        "valid": True,
        "reasons": [],
        "best_threads": 2,
        "sweep": [{"threads": 1, "steady": make_summary(8.0)}, {"threads": 2, "steady": make_summary(4.0)}],
        "photo": {name: make_summary(ms) for name, ms in steps_ms.items()},
        "soak": {
            "seconds": 10.0,
            "start_s": 5.0,
            "drift": 0.5,
            "windows": [{"at_s": 5.0, "p50_ms": 4.0, "p90_ms": 5.0}, {"at_s": 10.0, "p50_ms": 6.0, "p90_ms": 8.0}],
        },
        "watch": {"at_s": [4.0, 6.0, 15.0, 16.0], "temperature_c": [40.0, 50.0, 80.0, 90.0]},
    }


@pytest.fixture(scope="module")
def plots(import_payload):
    return import_payload("plots")


def test_bars_in_the_terminal_are_proportional_to_the_latencies(plots, measurement):
    lines = plots.draw_terminal_plot(measurement)
    assert lines[1].count("█") == 2 * lines[2].count("█") == 40
    assert "8.000 ms" in lines[1] and lines[2].endswith("4.000 ms  ← best")
    assert lines[3].startswith("latency over 10 s, 4.000 to 6.000 ms") and len(lines) == 5


def test_without_a_soak_there_is_no_curve(plots, measurement):
    measurement["soak"] = None
    assert len(plots.draw_terminal_plot(measurement)) == 3
    assert "polyline" not in plots.draw_svg(measurement, "title")


@pytest.mark.parametrize(
    ("values", "line"), [([1.0, 1.0], "██"), ([0.0, 4.0, 8.0], " ▄█"), ([0.0], " "), ([9.9, 10.0], "██")]
)
def test_sparkline_starts_at_zero(plots, values, line):
    assert plots.draw_sparkline(values) == line


def test_lengths_and_curves_of_the_svg_are_those_of_the_measurement(plots, measurement):
    root = ElementTree.fromstring(plots.draw_svg(measurement, "a <b> & c"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[:2] == ["a <b> & c", "valid"]
    widths = [float(box.get("width", "0")) for box in root.iter(f"{SVG}rect")][1:]
    assert widths[:4] == pytest.approx([91, 182, 364, 91], abs=0.1)
    assert widths[4] == pytest.approx(2 * widths[5], abs=0.2)
    curves = [element.get("points") for element in root.iter(f"{SVG}polyline")]
    # p90, p50, and the temperatures that were sampled during the soak.
    assert len(curves) == 3 and len(curves[2].split()) == 2
    heights = [float(point.split(",")[1]) for point in curves[1].split()]
    assert heights[0] > heights[1]
    assert "80 °C" in texts


def test_all_points_are_within_the_picture(plots, measurement):
    text = plots.draw_svg(measurement, "title")
    height = float(re.search(r'viewBox="0 0 760 ([\d.]+)"', text)[1])
    points = re.findall(r"([\d.-]+),([\d.-]+)", " ".join(re.findall(r'points="([^"]+)"', text)))
    assert points
    for x, y in points:
        assert 0 <= float(x) <= 760 and 0 <= float(y) <= height


def test_invalid_measurement_is_marked_with_its_reasons(plots, measurement):
    measurement["valid"], measurement["reasons"] = False, ["throttled during the run", "busy"]
    assert "INVALID: throttled during the run; busy" in plots.draw_svg(measurement, "title")


def list_colours(svg: str) -> set[str]:
    return set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg))


def test_colour_of_invalid_is_used_for_nothing_else(plots, measurement):
    """Bars of invoke were red, as if they were not valid."""
    valid = list_colours(plots.draw_svg(measurement, "title"))
    measurement["valid"], measurement["reasons"] = False, ["busy"]
    svg = plots.draw_svg(measurement, "title")
    added = list_colours(svg) - valid
    assert len(added) == 1 and "not valid: do not compare" in svg
    # The frame and two labels.
    assert svg.count(added.pop()) == 3


def test_curves_have_a_legend(plots, measurement):
    svg = plots.draw_svg(measurement, "title")
    assert all(f">{name}</text>" in svg for name in ("p50", "p90", "temperature"))
    measurement["watch"] = {"at_s": [], "temperature_c": []}
    assert ">temperature</text>" not in plots.draw_svg(measurement, "title")


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b", "a\rb", "\u202ecod", "\x00"])
def test_text_of_the_picture_is_escaped(plots, measurement, text):
    """XML has no control characters, and a board's name comes from the board."""
    measurement["valid"], measurement["reasons"] = False, [text]
    svg = plots.draw_svg(measurement, text)
    ElementTree.fromstring(svg)
    assert text not in svg and svg.count(text.encode("unicode_escape").decode()) == 2


def test_soak_of_zero_seconds_can_be_drawn(plots, measurement):
    measurement["soak"].update(seconds=0.0, windows=[{"at_s": 0.0, "p50_ms": 0.4, "p90_ms": 0.4}])
    assert plots.draw_svg(measurement, "title").startswith("<svg")
