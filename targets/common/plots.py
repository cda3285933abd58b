"""Plots of a measurement for the terminal and as SVG. Input: the content of measure.json. Output: text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import printable  # type: ignore[import-not-found]

_LEVELS = " ▁▂▃▄▅▆▇█"
_BAR_CELLS = 40
# Pixels: width of the picture, and the margins of the bars and curves.
_WIDTH, _LEFT, _RIGHT = 760, 110, 150
_COLOURS = {"decode": "#0969da", "preprocess": "#1b7c83", "invoke": "#8250df", "postprocess": "#9a6700"}
_GREY, _BLACK, _ORANGE, _LIGHT_PURPLE = "#57606a", "#1f2328", "#bc4c00", "#d8b9ff"
# Green and red say whether the measurement is valid, and nothing else.
_VALID, _INVALID = "#1a7f37", "#cf222e"


def draw_terminal_plot(measurement: dict[str, Any]) -> list[str]:
    """Draw a bar per number of threads and, if there was a soak, its latency over time. Returns lines of text."""
    sweep = measurement["sweep"]
    longest_ms = max(row["steady"]["p50"]["ms"] for row in sweep)
    lines = ["invoke, median by threads"]
    for row in sweep:
        median_ms = row["steady"]["p50"]["ms"]
        # At least one cell: an empty bar would look like a missing measurement.
        bar = "█" * max(1, round(_BAR_CELLS * median_ms / longest_ms))
        mark = "  ← best" if row["threads"] == measurement["best_threads"] else ""
        lines.append(f"  {row['threads']:>2}  {bar:<{_BAR_CELLS}}  {median_ms:.3f} ms{mark}")
    if measurement["soak"]:
        medians = [window["p50_ms"] for window in measurement["soak"]["windows"]]
        lines += [
            f"latency over {measurement['soak']['seconds']:.0f} s, {min(medians):.3f} to {max(medians):.3f} ms",
            f"  {draw_sparkline(medians)}",
        ]
    return lines


def draw_sparkline(values: Sequence[float]) -> str:
    """Draw one character per value. The scale starts at 0, so that nearly constant values look flat."""
    largest = max(values) or 1.0
    return "".join(_LEVELS[round(value / largest * (len(_LEVELS) - 1))] for value in values)


def draw_svg(measurement: dict[str, Any], title: str) -> str:
    """Draw the latency split of a photo, invoke by threads, and latency and temperature over time.

    Args:
        measurement: the content of measure.json.
        title: the line above the plots.
    """
    parts = [_draw_text(16, 26, title, font_weight="bold"), *_draw_validity(measurement)]
    split, y = _draw_latency_split(measurement, 76)
    bars, y = _draw_threads(measurement, y)
    parts += [*split, *bars]
    if measurement["soak"]:
        curves, y = _draw_soak(measurement, y)
        parts += curves
    if not measurement["valid"]:
        frame = f'<rect x="2" y="2" width="{_WIDTH - 4}" height="{y - 4}" fill="none"'
        parts.append(f'{frame} stroke="{_INVALID}" stroke-width="4"/>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _draw_validity(measurement: dict[str, Any]) -> list[str]:
    """Say whether the measurement is valid. One that is not has a red frame and a red label at the right, too."""
    if measurement["valid"]:
        return [_draw_text(16, 46, "valid", fill=_VALID)]
    label = _draw_text(_WIDTH - 16, 26, "not valid: do not compare", fill=_INVALID, text_anchor="end")
    return [label, _draw_text(16, 46, f"INVALID: {'; '.join(measurement['reasons'])}", fill=_INVALID)]


def _draw_latency_split(measurement: dict[str, Any], top: float) -> tuple[list[str], float]:
    """Draw the steps of one photo as parts of one bar. Returns the elements and the top of the next plot."""
    medians = {name: measurement["photo"][name]["p50"]["ms"] for name in _COLOURS}
    total_ms = sum(medians.values())
    threads = _format_threads(measurement["best_threads"])
    parts = [_draw_text(16, top, f"one photo, {threads}: {total_ms:.2f} ms (sum of medians)")]
    x = 16.0
    for index, (name, ms) in enumerate(medians.items()):
        width = ms / total_ms * (_WIDTH - 32)
        parts.append(_draw_box((x, top + 10), (width, 20), _COLOURS[name]))
        parts.append(_draw_text(16 + index * 182, top + 50, f"{name} {ms:.2f} ms", fill=_COLOURS[name]))
        x += width
    return parts, top + 84


def _draw_threads(measurement: dict[str, Any], top: float) -> tuple[list[str], float]:
    """Draw a bar per number of threads with the interval of its median. Returns elements and top of the next plot."""
    rows = [(row["threads"], row["steady"]["p50"]) for row in measurement["sweep"]]
    px_per_ms = (_WIDTH - _LEFT - _RIGHT) / max(p50["high_ms"] for _, p50 in rows)
    parts = [_draw_text(16, top, "invoke, median and its 95 % interval")]
    for index, (threads, p50) in enumerate(rows):
        y = top + 12 + 24 * index
        mark = "  best" if threads == measurement["best_threads"] else ""
        middle = y + 8
        interval = (_LEFT + p50["low_ms"] * px_per_ms, middle), (_LEFT + p50["high_ms"] * px_per_ms, middle)
        parts += [
            _draw_text(16, y + 12, _format_threads(threads)),
            _draw_box((_LEFT, y), (p50["ms"] * px_per_ms, 16), _COLOURS["invoke"]),
            _draw_line(*interval, _BLACK),
            _draw_text(_WIDTH - _RIGHT + 16, y + 12, f"{p50['ms']:.3f} ms{mark}"),
        ]
    return parts, top + 24 * len(rows) + 44


def _draw_soak(measurement: dict[str, Any], top: float) -> tuple[list[str], float]:
    """Draw p50 and p90 of the windows of the soak, from 0 ms up, and the temperature. Returns elements and next top."""
    soak, height = measurement["soak"], 120.0
    seconds, windows = soak["seconds"], soak["windows"]
    highest_ms = max(window["p90_ms"] for window in windows)
    bottom = top + 14 + height

    def place_time(at_s: float) -> float:
        # A soak of a single run may be rounded to 0 seconds.
        return _LEFT + at_s / max(float(seconds), 1e-3) * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        _draw_text(16, top, f"latency over {seconds:.0f} s, drift {soak['drift']:+.1%} from start to end"),
        _draw_line((_LEFT, bottom), (_WIDTH - _RIGHT, bottom), _GREY),
        _draw_text(16, top + 26, f"{highest_ms:.2f} ms", fill=_GREY),
        _draw_text(16, bottom + 4, "0 ms", fill=_GREY),
        _draw_text(_WIDTH - _RIGHT, bottom + 18, f"{seconds:.0f} s", fill=_GREY, text_anchor="end"),
    ]
    legend = [("p50", _COLOURS["invoke"]), ("p90", _LIGHT_PURPLE)]
    for name, colour in (("p90_ms", _LIGHT_PURPLE), ("p50_ms", _COLOURS["invoke"])):
        points = [(place_time(window["at_s"]), bottom - height * window[name] / highest_ms) for window in windows]
        parts.append(_draw_curve(points, colour))
    samples = measurement["watch"]
    temperatures = [
        (at_s - soak["start_s"], celsius)
        for at_s, celsius in zip(samples["at_s"], samples["temperature_c"])  # noqa: B905  (strict= needs Python 3.10)
        if celsius is not None and 0 <= at_s - soak["start_s"] <= seconds
    ]
    if temperatures:
        # The same height is 0 to 100 °C: a Raspberry Pi throttles from 80 °C on, fully at 85 °C.
        points = [(place_time(at_s), bottom - height * celsius / 100) for at_s, celsius in temperatures]
        parts.append(_draw_curve(points, _ORANGE))
        parts.append(_draw_text(_WIDTH - _RIGHT + 16, points[-1][1], f"{temperatures[-1][1]:.0f} °C", fill=_ORANGE))
        legend.append(("temperature", _ORANGE))
    for index, (name, colour) in enumerate(legend):
        parts.append(_draw_box((_LEFT + 90 * index, bottom + 10), (10, 10), colour))
        parts.append(_draw_text(_LEFT + 90 * index + 14, bottom + 19, name))
    return parts, bottom + 40


def _format_threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _draw_curve(points: Sequence[tuple[float, float]], colour: str) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _draw_box(corner: tuple[float, float], size: tuple[float, float], colour: str) -> str:
    (x, y), (width, height) = corner, size
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _draw_line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="2"/>'


def _draw_text(x: float, y: float, text: str, **style: str) -> str:
    """Draw text; `style` are SVG attributes with underscores for dashes.

    A base name or a path may contain & or <, or a control character, with which XML cannot be read.
    """
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in {"fill": _BLACK, **style}.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(printable.make_printable(text))}</text>'
