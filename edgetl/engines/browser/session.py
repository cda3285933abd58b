"""A page of a headless browser, and calls of its JavaScript."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from edgetl.core.device.browser.browsers import VARIABLE, find_browser
from edgetl.core.errors import StageError, first_line

T = TypeVar("T")

_START_TIMEOUT_MS = 120_000
# Background tabs are slowed down; a page that is not visible counts as one.
_FLAGS = ("--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-gpu")


def run_in_page(address: str, function: Callable[[Page], T]) -> T:
    """Open an address in a headless browser and call a function with the page.

    Args:
        address: of a page on this machine.
        function: gets the page, and may call `evaluate` on it.

    Raises:
        StageError: the browser does not start, or the page fails.
    """
    # Playwright refuses to run in a thread that has a loop of asyncio, as a notebook does.
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as executor:
        return executor.submit(_run, address, function).result()


def _run(address: str, function: Callable[[Page], T]) -> T:
    program = find_browser()
    try:
        with sync_playwright() as playwright:
            # Chromium refuses its sandbox to root, as in containers.
            sandbox = os.geteuid() != 0
            browser = playwright.chromium.launch(
                executable_path=program, chromium_sandbox=sandbox, args=list(_FLAGS), timeout=_START_TIMEOUT_MS
            )
            try:
                page = browser.new_page()
                page.goto(address, timeout=_START_TIMEOUT_MS)
                return function(page)
            finally:
                browser.close()
    except PlaywrightError as error:
        raise StageError(
            f"the browser failed: {first_line(error)}",
            where=(program,),
            hint=f"set {VARIABLE} to another browser of the Chromium family",
        ) from error
