"""Verdicts → an SVG chart of the accuracy drop of each conversion method, with its bounds and the limit."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from edgetl.core.records import Artifact
from edgetl.core.report.tables import format_bytes, format_points
from edgetl.core.screen.printable import escape_controls
from edgetl.core.verdict_records import MEASURE_TITLES, Verdict

# Pixels. The right margin contains the drop, the outcome and the size of the file.
_WIDTH, _ROW, _LEFT, _RIGHT, _TOP, _BOTTOM = 800, 34, 110, 270, 64, 44
_COLOURS = {"PASS": "#1a7f37", "FAIL": "#cf222e", "UNDECIDED": "#9a6700"}
_CHOSEN = "#eaf5ff"


def draw_drops(pairs: Sequence[tuple[Artifact, Verdict]], title: str, *, chosen: str) -> str:
    """Draw one row per method: a dot at the drop, a bar between its one-sided bounds, and a dashed line at the limit.

    The row of the chosen file has a background and a label.

    Args:
        pairs: artifacts with their verdicts on the same photos, at least one.
        title: title of the chart.
        chosen: sha256 of the chosen artifact.

    Returns:
        The text of the SVG file.
    """
    verdicts = [verdict for _, verdict in pairs]
    limit = verdicts[0].limit_drop
    measure = MEASURE_TITLES[verdicts[0].measure]
    low = min(0.0, *(verdict.drop_low for verdict in verdicts))
    high = max(limit, *(verdict.drop_high for verdict in verdicts))
    # Dots and ends of bars must not touch the edge of the plot.
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin
    bottom = _TOP + _ROW * len(pairs)

    def x(drop: float) -> float:
        return round(_LEFT + (drop - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + _BOTTOM}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{bottom + _BOTTOM}" fill="#ffffff"/>',
        _text(16, 26, title, font_weight="bold"),
        _text(
            16,
            46,
            f"{measure} lost against Keras on the same {verdicts[0].describe_photos()}, in points",
            fill="#57606a",
        ),
        _line((x(0), _TOP - 6), (x(0), bottom), "#57606a"),
        _line((x(limit), _TOP - 6), (x(limit), bottom), "#cf222e", stroke_dasharray="5 4"),
        # In two lines, because a small limit is close to 0 and the labels would overlap.
        _text(x(0), bottom + 18, "0", text_anchor="middle", fill="#57606a"),
        _text(x(limit), bottom + 34, f"limit {limit * 100:g}", text_anchor="middle", fill="#cf222e"),
    ]
    for row, (artifact, verdict) in enumerate(pairs):
        y = _TOP + _ROW * row + _ROW / 2
        colour = _COLOURS[verdict.outcome]
        is_chosen = artifact.sha256 == chosen
        if is_chosen:
            top = y - _ROW / 2 + 2
            parts.append(f'<rect x="6" y="{top}" width="{_WIDTH - 12}" height="{_ROW - 4}" rx="4" fill="{_CHOSEN}"/>')
        parts += [
            _text(16, y + 4, artifact.method, font_weight="bold" if is_chosen else "normal"),
            _line((x(verdict.drop_low), y), (x(verdict.drop_high), y), colour, stroke_width="3"),
            f'<circle cx="{x(verdict.drop)}" cy="{y}" r="5" fill="{colour}"/>',
            _text(
                _WIDTH - _RIGHT + 16,
                y + 4,
                f"{format_points(verdict.drop)}  {verdict.outcome}  {format_bytes(artifact.bytes)}"
                + ("  ← chosen" if is_chosen else ""),
            ),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, **style: str) -> str:
    return f'<text x="{x}" y="{y}"{_attributes({"fill": "#1f2328", **style})}>{escape(escape_controls(text))}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str, **style: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{_attributes({"stroke": colour, **style})}/>'


def _attributes(style: dict[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
