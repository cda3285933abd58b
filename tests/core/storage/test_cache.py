"""cache.py: the place of the cache, the errors of its disk, and the removal of unfinished files."""

import errno
import os
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.storage import cache


def test_cache_is_in_the_folder_of_xdg_cache_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.locate_cache() == tmp_path / "edgetl"


@pytest.mark.parametrize("ignored", ["", "relative/place"])
def test_empty_or_relative_xdg_cache_home_is_ignored(monkeypatch, ignored):
    monkeypatch.setenv("XDG_CACHE_HOME", ignored)
    assert cache.locate_cache() == Path.home() / ".cache" / "edgetl"


def test_folder_is_created_with_its_parents(tmp_path):
    with cache.create_cached_folder(tmp_path / "a" / "b") as unfinished:
        (unfinished / "file").write_text("x")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (errno.ENOSPC, "the disk is full", "free some space"),
        (errno.EDQUOT, "the disk is full", "free some space"),
        (errno.EACCES, "permission denied", "if it is yours: chmod u+rwX"),
    ],
)
def test_failure_leaves_no_files_and_names_the_folder(tmp_path, code, message, hint):
    with pytest.raises(ConfigError, match=message) as caught, cache.create_cached_folder(tmp_path / "b") as unfinished:
        (unfinished / "file").write_text("x")
        raise OSError(code, "no")
    assert list(tmp_path.iterdir()) == []
    assert caught.value.where[0].startswith(str(tmp_path))
    assert caught.value.hint.startswith(hint) and "XDG_CACHE_HOME" in caught.value.hint


def test_written_file_replaces_the_old_content(tmp_path):
    for content in (b"one", b"two"):
        cache.write_cached_file(tmp_path / "d" / "file", content)
        assert (tmp_path / "d" / "file").read_bytes() == content
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["file"]


def test_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="a file is in the place of a folder"):
        cache.write_cached_file(tmp_path / "file" / "inside", b"x")


def test_old_unfinished_files_and_folders_are_removed(tmp_path):
    for age in ("old", "new"):
        (tmp_path / f".{age}-file.tmp").touch()
        (tmp_path / f".{age}-folder.tmp").mkdir()
    (tmp_path / "old-finished").touch()
    for path in tmp_path.iterdir():
        if path.name.lstrip(".").startswith("old"):
            os.utime(path, (1, 1))
    cache.remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new-file.tmp", ".new-folder.tmp", "old-finished"]


def test_file_that_is_finished_during_the_removal_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [tmp_path / ".finished.tmp"])
    cache.remove_unfinished(tmp_path)
