"""Thumbnails of photos that are in the cache, that are decoded again, and that are gone."""

import shutil

import pytest

from edgetl.pipeline.pages.pictures import open_thumbnails
from edgetl.pipeline.pages.report import open_report


@pytest.fixture
def open_pictures(built, tmp_path, shared_dataset):
    run = shutil.copytree(built.run, tmp_path / "run")

    def open_pictures(**changes):
        with open_report(run, quiet=True) as context:
            source = (shared_dataset.model_copy(update=changes), built.trained.input)
            return open_thumbnails(context, shared_dataset.train[:2], source)

    return open_pictures


def test_photos_in_the_cache_are_shown(open_pictures):
    thumbnails, notes = open_pictures()
    assert notes == () and thumbnails.make(0, 16) != thumbnails.make(1, 16)


def test_photos_that_left_the_cache_are_decoded_again(open_pictures, tmp_path, monkeypatch):
    before = open_pictures()[0].make(1, 16)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert open_pictures()[0].make(1, 16) == before


def test_photos_that_are_gone_have_no_picture_and_a_note(open_pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    thumbnails, (note,) = open_pictures(root=tmp_path / "gone")
    assert thumbnails.make(0, 16) == "" and note.startswith("The page has no pictures: ")


def test_selected_rows_have_a_budget_of_their_own(open_pictures):
    thumbnails, _ = open_pictures()
    selected = thumbnails.select({7: 1}.__getitem__, 10_000)
    assert selected.make(7, 16) == thumbnails.make(1, 16)
    assert thumbnails.select({7: 1}.__getitem__, 10).make(7, 16) == ""
