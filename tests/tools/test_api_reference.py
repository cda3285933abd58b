"""tools/api_reference.py: docs/api.md is up to date and has every public name."""

import pytest

import edgetl
from tools import api_reference


def test_page_is_up_to_date():
    text = api_reference.PAGE.read_text(encoding="utf-8")
    assert api_reference.update(text) == text, "run python tools/api_reference.py"


def test_page_has_every_public_name():
    page = api_reference.render()
    for name in edgetl.__all__:
        assert f"### edgetl.{name}\n" in page or f"| `{name}` |" in page, name


def test_signatures_show_options_as_keywords():
    page = api_reference.render()
    assert "build(photos=None, *, out=None, overwrite=False, quiet=False, **options)" in page
    assert "| `alpha` |" in page and "convert(run, *, method='int8', target='', quiet=False)" in page


def test_page_without_markers_is_an_error():
    for text in ("", api_reference.BEGIN, f"{api_reference.END}{api_reference.BEGIN}"):
        with pytest.raises(ValueError, match="the page needs one"):
            api_reference.update(text)
