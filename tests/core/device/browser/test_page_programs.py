"""What the predictions in a browser depend on beside the model file."""

import dataclasses
import shutil

import pytest

from edgetl.core.device.browser import page_programs
from edgetl.core.device.browser.npm_packages import LITERT_JS
from edgetl.core.device.browser.page_runtimes import PAGE_RUNTIMES
from edgetl.core.device.target_search import locate_shipped_targets

LITERT, ONNX = PAGE_RUNTIMES["tflite"], PAGE_RUNTIMES["onnx"]


@pytest.fixture
def targets_copy(monkeypatch, tmp_path):
    """A copy of the folders of both pages, which the hash is made of."""
    for folder in ONNX.folders:
        shutil.copytree(locate_shipped_targets() / folder, tmp_path / folder)
    monkeypatch.setattr(page_programs, "locate_shipped_targets", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("runtime", [LITERT, ONNX], ids=["tflite", "onnx"])
@pytest.mark.parametrize(("name", "changes"), [("pixels.js", True), ("jpeg_scan.js", True), ("style.css", False)])
def test_programs_of_the_page_change_the_hash_and_its_colours_do_not(targets_copy, runtime, name, changes):
    before = page_programs.hash_page_programs(runtime)
    (targets_copy / "browser" / name).write_text("changed")
    assert (page_programs.hash_page_programs(runtime) != before) == changes


def test_a_program_of_another_runtime_changes_its_hash_alone(targets_copy):
    before = [page_programs.hash_page_programs(runtime) for runtime in (LITERT, ONNX)]
    (targets_copy / "browser-onnx" / "runtime.js").write_text("changed")
    assert page_programs.hash_page_programs(LITERT) == before[0]
    assert page_programs.hash_page_programs(ONNX) != before[1]


def test_a_program_that_is_replaced_does_not_change_the_hash(targets_copy):
    before = page_programs.hash_page_programs(ONNX)
    (targets_copy / "browser" / "runtime.js").write_text("changed")
    assert page_programs.hash_page_programs(ONNX) == before


def test_another_version_of_the_runtime_changes_the_hash():
    other = dataclasses.replace(LITERT, packages=LITERT_JS[:1])
    assert page_programs.hash_page_programs(other) != page_programs.hash_page_programs(LITERT)
