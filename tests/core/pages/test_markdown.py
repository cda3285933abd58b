"""Names of strangers are text in Markdown. The rules are those of CommonMark and of GitHub's tables."""

import html
import re

import pytest

from edgetl.core.pages.markdown import escape_markdown, format_code, format_table
from tests.fixtures.reports import HOSTILE


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("daisy", "`daisy`"),
        ("a`b", "``a`b``"),
        ("`a``b", "``` `a``b ```"),
        (" a ", "`  a  `"),
        ("", "`   `"),
        ("<b>|", "`<b>|`"),
        ("a\nb\u202e", "`a\\nb\\u202e`"),
    ],
)
def test_name_is_a_code_span(name, code):
    assert format_code(name) == code


@pytest.mark.parametrize("name", [*HOSTILE, "``````", "`", "a` `b", "\\`"])
def test_code_span_ends_with_its_fence_only(name):
    code = format_code(name)
    fence = re.match("`+", code)[0]
    assert re.findall("`+", code).count(fence) == 2 and code.endswith(fence)


def test_long_name_is_cut_in_its_middle():
    assert len(format_code("x" * 1000)) == 163 and "…" in format_code("x" * 1000)


@pytest.mark.parametrize("text", [*HOSTILE, "|", "\\|", "**a** _b_ ~~c~~", "http://a.b", "WWW.a.b", "&lt;", "# a"])
def test_escaped_text_has_no_meaning_and_is_the_same_text(text):
    escaped = escape_markdown(text)
    assert not set(escaped) - {"&", "#", ";"} & set('<>|`*_~[]\\@/"!{}')
    assert re.sub(r"&#\d+;", "", escaped).find("&") == -1
    assert not re.search(r"(?i)www\.", escaped)
    shown = html.unescape(escaped).replace("\u200b", "")
    assert shown == text.replace("\u202e", "\\u202e")


def test_own_sentences_stay_readable():
    sentence = "Keras predicts 99.0% of 862 photos, int8 98.8% (between -0.5 and +0.2); it's fine."
    assert escape_markdown(sentence) == sentence


def test_mention_is_interrupted():
    assert escape_markdown("@user") == "&#64;&#8203;user"


def test_table_has_the_same_cells_in_each_row():
    table = format_table(["a", "b"], [["1|2", "\\|"], ["x", "y"]], numbers=[1])
    assert table.splitlines() == ["| a | b |", "| --- | ---: |", "| 1&#124;2 | &#92;&#124; |", "| x | y |"]
