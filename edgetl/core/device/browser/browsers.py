"""Browsers of this machine that a program can start without a window."""

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec

from edgetl.core.device.browser.page_runtimes import PageRuntime
from edgetl.core.device.browser.runtime_files import has_runtime, suggest_fetch

# The name of the program, or its path: wins over the ones that are found.
VARIABLE = "EDGETL_BROWSER"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


def find_browser(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path of a browser of the Chromium family; "" where there is none."""
    names = (environment[VARIABLE],) if environment.get(VARIABLE) else PROGRAMS
    return next(filter(None, map(shutil.which, names)), "")


def describe_browser_program(runtime: PageRuntime) -> str:
    """Return which program predicts, and with which runtime."""
    return f"{find_browser()}, {runtime.packages[0].name} {runtime.packages[0].version}"


def explain_missing_browser(runtime: PageRuntime) -> str:
    """Return what is missing here to run a model in a browser; "" if nothing is. Loads nothing."""
    missing = [] if find_spec("playwright") else ["playwright is not installed"]
    if not find_browser():
        name = os.environ.get(VARIABLE)
        missing.append(f"{VARIABLE}={name} is no program" if name else "no browser was found")
    if not has_runtime(runtime.packages):
        missing.append(f"the runtime is not fetched ({suggest_fetch(runtime.packages)})")
    return " and ".join(missing)
