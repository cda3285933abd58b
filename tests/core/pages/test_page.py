"""Pages escape everything, and load nothing."""

import pytest
from jinja2 import UndefinedError

from edgetl.core.pages.page import render_page, show_name

HOSTILE = '<script>alert("1")</script>'


def test_name_is_escaped_apart_and_cut():
    assert show_name(HOSTILE) == "<bdi>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;</bdi>"
    assert "\u202e" not in show_name("a\u202eb") and "u202e" in show_name("a\u202eb")
    cut = show_name("x" * 1000)
    assert len(cut) < 200 and "…" in cut


def test_base_page_forbids_scripts_and_the_network():
    page = render_page("base.html", {"version": HOSTILE})
    assert "<script" not in page and "default-src 'none'" in page and "script-src" not in page
    assert page.count("<meta") == 5 and 'lang="en"' in page


def test_missing_value_is_an_error():
    with pytest.raises(UndefinedError, match="version"):
        render_page("base.html", {})
