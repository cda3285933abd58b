"""Figures have the colours of the page, and no date."""

import re

from markupsafe import Markup

from edgetl.engines.charts.svg_figure import ACCENT, describe_svg, draw_figure


def draw(identity="test"):
    with draw_figure(identity, 4, 3) as (axes, result):
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


def test_two_figures_of_a_page_share_no_name():
    names = [set(re.findall(r' id="([^"]*)"', draw(identity))) for identity in ("one", "two")]
    assert all(names) and not names[0] & names[1]


def test_figure_uses_the_names_that_it_has():
    svg = draw()
    names, used = re.findall(r' id="([^"]*)"', svg), re.findall(r'(?:url\(#|href="#)([^")]+)', svg)
    assert sorted(names) == sorted(set(used))


def test_description_is_escaped():
    assert describe_svg(Markup("<svg a><svg b>"), '"<b>"') == (
        '<svg role="img" aria-label="&#34;&lt;b&gt;&#34;" a><svg b>'
    )
