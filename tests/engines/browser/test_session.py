"""A page of a headless browser: results come back, and failures are sentences."""

import asyncio

import pytest

from edgetl.core.errors import StageError
from tests.fixtures.browser import CHROMIUM

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'edgetl[browser]'")
from edgetl.engines.browser.session import run_in_page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")
def test_result_comes_back_also_where_a_loop_of_asyncio_runs():
    async def run():
        return run_in_page("data:text/html,<title>a</title>", lambda page: page.title())

    assert asyncio.run(run()) == "a"


def test_browser_that_does_not_start_is_an_error_with_the_variable(monkeypatch):
    monkeypatch.setenv("EDGETL_BROWSER", "/bin/false")
    with pytest.raises(StageError, match="the browser failed: ") as error:
        run_in_page("about:blank", lambda page: page.title())
    assert "EDGETL_BROWSER" in error.value.hint and error.value.where == ("/bin/false",)
