"""Which browser is started, and what is missing to start one."""

import pytest

from edgetl.core.device.browser import browsers
from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES

LITERT, ONNX = PAGE_RUNTIMES["tflite"], PAGE_RUNTIMES["onnx"]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs, the only one that is searched."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(browsers.VARIABLE, raising=False)

    def add(name):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    return add


def test_first_browser_of_the_table_is_found_and_the_variable_wins(programs):
    assert browsers.find_browser({}) == ""
    chrome, chromium = programs("google-chrome"), programs("chromium")
    assert browsers.find_browser({}) == chromium
    assert browsers.find_browser({browsers.VARIABLE: chrome}) == chrome


def test_everything_that_is_missing_is_named(programs, monkeypatch):
    monkeypatch.setattr(browsers, "find_spec", lambda _: None)
    monkeypatch.setattr(browsers, "has_runtime", lambda _: False)
    assert browsers.explain_missing_browser(LITERT) == (
        "playwright is not installed and no browser was found and the runtime is not fetched (edgetl fetch browser)"
    )
    assert browsers.explain_missing_browser(ONNX).endswith("(edgetl fetch browser-onnx)")
    monkeypatch.setenv(browsers.VARIABLE, "netscape")
    assert f"{browsers.VARIABLE}=netscape is no program" in browsers.explain_missing_browser(LITERT)


def test_nothing_is_missing_where_all_is_there(programs, monkeypatch):
    programs("chromium")
    monkeypatch.setattr(browsers, "find_spec", lambda _: object())
    monkeypatch.setattr(browsers, "has_runtime", lambda _: True)
    assert browsers.explain_missing_browser(LITERT) == ""


def test_program_and_version_of_the_runtime_are_described(programs):
    chromium = programs("chromium")
    assert browsers.describe_browser_program(LITERT).startswith(f"{chromium}, @litertjs/core ")
    assert browsers.describe_browser_program(ONNX).startswith(f"{chromium}, onnxruntime-web ")
