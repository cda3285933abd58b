"""html_table: cells, titles and columns are escaped."""

import pytest

from edgetl.core.html_table import render_table


def test_table_has_its_title_columns_and_cells():
    html = render_table("scores", ["class", "photos"], [["daisy", "3"], ["rose", "4"]])
    assert html.count("<tr>") == 3 and "<th>class</th><th>photos</th>" in html
    assert "<td>rose</td><td>4</td>" in html and ">scores</caption>" in html


def test_table_without_columns_has_no_header():
    html = render_table("", [], [["a", "b"]])
    assert "<th" not in html and "<caption" not in html


def test_hostile_text_is_escaped():
    html = render_table("<b>", ["<i>"], [["<script>alert(1)</script>", '"&']])
    assert "<script>" not in html and "<b>" not in html and "<i>" not in html
    assert "&lt;script&gt;" in html and "&quot;&amp;" in html


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b", "a\rb", "\u202ecod"])
def test_control_characters_are_escaped(text):
    html = render_table(text, [text], [[text]])
    assert html.isprintable() and html.count(text.encode("unicode_escape").decode()) == 3
