"""cache.py: where the cache is, and that nothing half written stays in it."""

import errno
import os
from pathlib import Path

import pytest

from edgetl.core.errors import EdgetlError
from edgetl.core.storage import cache


def test_cache_root_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.locate_cache() == tmp_path / "edgetl"
    for ignored in ("", "relative/place"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache.locate_cache() == Path.home() / ".cache" / "edgetl"


def test_a_folder_appears_whole(tmp_path):
    with cache.create_folder(tmp_path / "a" / "b") as part:
        (part / "file").write_text("x")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


@pytest.mark.parametrize("error, told", [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "cannot be written")])
def test_failure_leaves_nothing_and_says_where(tmp_path, error, told):
    with pytest.raises(EdgetlError, match=told) as caught, cache.create_folder(tmp_path / "b") as part:
        (part / "file").write_text("x")
        raise OSError(error, "no")
    assert list(tmp_path.iterdir()) == []
    assert caught.value.where == (str(tmp_path),) and "XDG_CACHE_HOME" in caught.value.hint


def test_replace(tmp_path):
    for content in (b"one", b"two"):
        cache.write_file(tmp_path / "d" / "file", content)
        assert (tmp_path / "d" / "file").read_bytes() == content
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["file"]


def test_replace_tells_where_it_cannot(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EdgetlError, match="cannot be written"):
        cache.write_file(tmp_path / "file" / "inside", b"x")


def test_sweep_takes_files_and_folders_that_are_old(tmp_path):
    for name in ("old", "young"):
        (tmp_path / f".part-{name}-file").touch()
        (tmp_path / f".part-{name}-folder").mkdir()
    for old in tmp_path.glob(".part-old*"):
        os.utime(old, (1, 1))
    cache.remove_stale_parts(tmp_path)
    assert sorted(part.name for part in tmp_path.iterdir()) == [".part-young-file", ".part-young-folder"]
