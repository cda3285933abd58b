"""Figures have the colours of the page, and no date."""

from edgetl.engines.charts.svg_figure import ACCENT, draw_figure


def draw():
    with draw_figure("test", 4, 3) as (axes, result):
        axes.plot([0, 1], [0, 1], color=ACCENT, label="<b> $x_1$")
        axes.legend()
    return result[0]


def test_figure_is_svg_with_the_colours_of_the_page_and_is_the_same_again():
    svg = draw()
    assert svg.startswith("<svg ") and svg == draw()
    assert "var(--accent)" in svg and "var(--text)" in svg and "#01020" not in svg
    assert "<style" not in svg and "<metadata" not in svg


def test_text_is_escaped_text_and_no_formula():
    assert "&lt;b&gt; $x_1$" in draw() and "<b>" not in draw()
