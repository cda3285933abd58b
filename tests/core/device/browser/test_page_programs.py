"""What the predictions in a browser depend on beside the model file."""

import shutil

import pytest

from edgetl.core.device.browser import page_programs, runtime_files
from edgetl.core.device.browser.npm_packages import LITERT_JS
from edgetl.core.device.target_search import locate_shipped_targets


@pytest.mark.parametrize(("name", "changes"), [("pixels.js", True), ("jpeg_scan.js", True), ("style.css", False)])
def test_programs_of_the_page_change_the_hash_and_its_colours_do_not(monkeypatch, tmp_path, name, changes):
    before = page_programs.hash_page_programs()
    shutil.copytree(locate_shipped_targets() / "browser", tmp_path / "browser")
    monkeypatch.setattr(page_programs, "locate_shipped_targets", lambda: tmp_path)
    assert page_programs.hash_page_programs() == before
    (tmp_path / "browser" / name).write_text("changed")
    assert (page_programs.hash_page_programs() != before) == changes


def test_another_version_of_the_runtime_changes_the_hash(monkeypatch):
    before = page_programs.hash_page_programs()
    other = runtime_files.locate_runtime(LITERT_JS[:1])
    monkeypatch.setattr(page_programs, "locate_runtime", lambda: other)
    assert page_programs.hash_page_programs() != before
