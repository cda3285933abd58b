"""What bench.py wrote, as a small plot in the terminal and as an SVG. A measure goes in, text comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

_LEVELS = " ▁▂▃▄▅▆▇█"
_BAR_CELLS = 40
_WIDTH, _LEFT, _RIGHT = 760, 110, 150
_COLOURS = {"decode": "#0969da", "preprocess": "#1a7f37", "invoke": "#cf222e", "postprocess": "#9a6700"}
_GREY, _INK, _RED = "#57606a", "#1f2328", "#cf222e"


def terminal(measure: dict[str, Any]) -> list[str]:
    """Lines: a bar for each number of threads, and latency over time where there was a soak."""
    sweep = measure["sweep"]
    longest = max(row["steady"]["p50"]["ms"] for row in sweep)
    lines = ["invoke, median by threads"]
    for row in sweep:
        median = row["steady"]["p50"]["ms"]
        bar = "█" * max(1, round(_BAR_CELLS * median / longest))
        best = "  ← best" if row["threads"] == measure["best_threads"] else ""
        lines.append(f"  {row['threads']:>2}  {bar:<{_BAR_CELLS}}  {median:.3f} ms{best}")
    if measure["soak"]:
        medians = [stretch["p50_ms"] for stretch in measure["soak"]["windows"]]
        lines += [
            f"latency over {measure['soak']['seconds']:.0f} s, {min(medians):.3f} to {max(medians):.3f} ms",
            f"  {sparkline(medians)}",
        ]
    return lines


def sparkline(values: Sequence[float]) -> str:
    """One character a value, from 0 to the largest: what barely changes looks flat."""
    top = max(values) or 1.0
    return "".join(_LEVELS[round(value / top * (len(_LEVELS) - 1))] for value in values)


def svg(measure: dict[str, Any], title: str) -> str:
    """Where a photo's time goes, invoke by threads, and latency and temperature over time.

    Args:
        measure: the content of measure.json.
        title: a line above the plots.
    """
    parts = [_text(16, 26, title, font_weight="bold"), *_verdict(measure)]
    split, y = _split(measure, 76)
    bars, y = _threads(measure, y)
    parts += [*split, *bars]
    if measure["soak"]:
        curve, y = _over_time(measure, y)
        parts += curve
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _verdict(measure: dict[str, Any]) -> list[str]:
    if measure["valid"]:
        return [_text(16, 46, "valid", fill="#1a7f37")]
    return [_text(16, 46, f"INVALID: {'; '.join(measure['reasons'])}", fill=_RED)]


def _split(measure: dict[str, Any], top: float) -> tuple[list[str], float]:
    """One bar, a photo's time from its bytes to its labels."""
    times = {name: measure["photo"][name]["p50"]["ms"] for name in _COLOURS}
    total = sum(times.values())
    parts = [_text(16, top, f"one photo, {_threaded(measure['best_threads'])}: {total:.2f} ms (medians)")]
    x = 16.0
    for index, (name, ms) in enumerate(times.items()):
        width = ms / total * (_WIDTH - 32)
        parts.append(_box((x, top + 10), (width, 20), _COLOURS[name]))
        parts.append(_text(16 + index * 182, top + 50, f"{name} {ms:.2f} ms", fill=_COLOURS[name]))
        x += width
    return parts, top + 84


def _threads(measure: dict[str, Any], top: float) -> tuple[list[str], float]:
    """A bar for each number of threads, with the interval of its median."""
    rows = [(row["threads"], row["steady"]["p50"]) for row in measure["sweep"]]
    scale = (_WIDTH - _LEFT - _RIGHT) / max(p50["high_ms"] for _, p50 in rows)
    parts = [_text(16, top, "invoke, median and its 95 % interval")]
    for index, (threads, p50) in enumerate(rows):
        y = top + 12 + 24 * index
        best = "  best" if threads == measure["best_threads"] else ""
        middle = y + 8
        parts += [
            _text(16, y + 12, _threaded(threads)),
            _box((_LEFT, y), (p50["ms"] * scale, 16), _COLOURS["invoke"]),
            _line((_LEFT + p50["low_ms"] * scale, middle), (_LEFT + p50["high_ms"] * scale, middle), _INK),
            _text(_WIDTH - _RIGHT + 16, y + 12, f"{p50['ms']:.3f} ms{best}"),
        ]
    return parts, top + 24 * len(rows) + 44


def _over_time(measure: dict[str, Any], top: float) -> tuple[list[str], float]:
    """Median latency of each stretch of the soak, from 0 up, and the temperature beside it."""
    soak, height = measure["soak"], 120.0
    seconds, stretches = soak["seconds"], soak["windows"]
    most = max(stretch["p90_ms"] for stretch in stretches)
    bottom = top + 14 + height

    def x(at_s: float) -> float:
        return _LEFT + at_s / max(float(seconds), 1e-3) * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        _text(16, top, f"latency over {seconds:.0f} s: the end is {soak['drift']:+.1%} against the beginning"),
        _line((_LEFT, bottom), (_WIDTH - _RIGHT, bottom), _GREY),
        _text(16, top + 26, f"{most:.2f} ms", fill=_GREY),
        _text(16, bottom + 4, "0 ms", fill=_GREY),
        _text(_WIDTH - _RIGHT, bottom + 18, f"{seconds:.0f} s", fill=_GREY, text_anchor="end"),
    ]
    for name, colour in (("p90_ms", "#f0a8ae"), ("p50_ms", _COLOURS["invoke"])):
        places = [(x(stretch["at_s"]), bottom - height * stretch[name] / most) for stretch in stretches]
        parts.append(_curve(places, colour))
    watch = measure["watch"]
    warm = [
        (at_s - soak["start_s"], celsius)
        for at_s, celsius in zip(watch["at_s"], watch["temperature_c"])  # noqa: B905  (strict= needs Python 3.10)
        if celsius is not None and 0 <= at_s - soak["start_s"] <= seconds
    ]
    if warm:
        # 0 to 100 °C on the same height: boards throttle at 80 or 85.
        parts.append(_curve([(x(at_s), bottom - height * celsius / 100) for at_s, celsius in warm], "#0969da"))
        parts.append(_text(_WIDTH - _RIGHT + 16, bottom - height * warm[-1][1] / 100, f"{warm[-1][1]:.0f} °C"))
    return parts, bottom + 40


def _threaded(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _curve(places: Sequence[tuple[float, float]], colour: str) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _box(corner: tuple[float, float], size: tuple[float, float], colour: str) -> str:
    (x, y), (width, height) = corner, size
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, **style: str) -> str:
    look = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in {"fill": _INK, **style}.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{look}>{escape(text)}</text>'
