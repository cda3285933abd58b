"""A figure of matplotlib → SVG inside a page: text stays text, and its colours are those of the page, light or dark."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Colours that are replaced by variables of the page's style.
TEXT, SOFT, ACCENT, LINE, WARN = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {
    TEXT: "var(--text)",
    SOFT: "var(--soft)",
    ACCENT: "var(--accent)",
    LINE: "var(--line)",
    WARN: "var(--warn)",
}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    # A dollar sign of a name is no formula.
    "text.parse_math": False,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "grid.color": LINE,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def draw_figure(identity: str, width: float, height: float) -> Iterator[tuple[Axes, list[Markup]]]:
    """Yield axes to draw on, and a list that contains the SVG when the block has ended.

    Args:
        identity: unique in a page, because the SVG has names of its own.
        width: in inches of 72 px.
        height: as the width.
    """
    result: list[Markup] = []
    with mpl.rc_context({**_STYLE, "svg.hashsalt": identity}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure.add_subplot(), result
        file = io.BytesIO()
        # Without a date, the same values give the same page.
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue().decode("utf-8")
    # The style would hold for the whole page.
    text = re.sub(r"<(metadata|style).*?</\1>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Charts share a page: they have no names but those that they use themselves, which the identity makes unique.
    used = set(re.findall(r"""(?:url\(#|href="#)([^")]+)""", text))
    text = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    # What matplotlib wrote is markup; it has escaped all text itself.
    result.append(Markup(text))  # noqa: S704


def describe_svg(svg: Markup, words: str) -> Markup:
    """Return an SVG with a description, for those who do not see it."""
    described = f'<svg role="img" aria-label="{escape(words)}" '
    # `str`: a replacement in Markup would be escaped.
    return Markup(str(svg).replace("<svg ", described, 1))  # noqa: S704
