"""mirror.py: a mirror has what the objects have; only what changed is read, and nothing leads out of it."""

import shutil
from collections import namedtuple

import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.interrupt import Interrupted
from edgetl.core.photos.remote import mirror
from edgetl.core.photos.remote.mirror import (
    StoredObject,
    plan_mirror,
    read_mirror_catalogue,
    select_objects,
    update_mirror,
)


def make(path: str, content: bytes = b"1", version: str = "a") -> StoredObject:
    return StoredObject(path=path, bytes=len(content), version=version)


def update(folder, contents: dict[str, bytes], versions: dict[str, str] | None = None) -> list[str]:
    """Bring a mirror up to date, and return what was read."""
    objects = [make(path, content, (versions or {}).get(path, "a")) for path, content in contents.items()]
    read = []

    def fetch(item):
        read.append(item.path)
        return contents[item.path]

    plan = plan_mirror(select_objects(objects), read_mirror_catalogue(folder), folder)
    update_mirror(folder, plan, fetch, lambda _: None)
    return sorted(read)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "remote" / "hash" / "shapes"


def list_files(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_what_changed_is_read(folder):
    contents = {"a/1.jpg": b"1", "a/2.jpg": b"2", "b/3.png": b"3"}
    assert update(folder, contents) == sorted(contents) and list_files(folder) == contents
    assert update(folder, contents) == []
    assert update(folder, contents | {"a/1.jpg": b"x"}, {"a/1.jpg": "b"}) == ["a/1.jpg"]
    # A file that was removed or shortened here is read again.
    (folder / "b" / "3.png").unlink()
    (folder / "a" / "2.jpg").write_bytes(b"")
    assert update(folder, contents, {"a/1.jpg": "b"}) == ["a/2.jpg", "b/3.png"]


def test_objects_that_are_gone_are_removed(folder):
    update(folder, {"a/1.jpg": b"1", "a/2.jpg": b"2"})
    update(folder, {"a/2.jpg": b"2"})
    assert list_files(folder) == {"a/2.jpg": b"2"}


def test_what_was_read_before_an_interruption_is_kept(folder, monkeypatch):
    monkeypatch.setattr(mirror, "_READERS", 1)
    objects = [make("a/1.jpg"), make("a/2.jpg")]

    def fetch(item):
        if item.path == "a/2.jpg":
            raise Interrupted()
        return b"1"

    with pytest.raises(Interrupted):
        update_mirror(folder, plan_mirror(objects, {}, folder), fetch, lambda _: None)
    assert set(read_mirror_catalogue(folder)) == {"a/1.jpg"}


def test_only_photos_and_lists_are_read():
    names = ["a/1.jpg", "a/1.JPEG", "labels.csv", "a/readme.txt", "model.keras", "a/noise"]
    assert [item.path for item in select_objects([make(name) for name in names])] == [
        "a/1.JPEG",
        "a/1.jpg",
        "labels.csv",
    ]


@pytest.mark.parametrize("name", ["../1.jpg", "a/../../1.jpg", "/etc/1.jpg", "a//1.jpg", "./1.jpg", "a\0/1.jpg"])
def test_name_that_leads_out_is_refused(name):
    with pytest.raises(DataError, match="leads out of its folder"):
        select_objects([make(name)])


def test_name_that_no_file_can_have_is_refused():
    with pytest.raises(DataError, match="over 255 bytes"):
        select_objects([make("ä" * 130 + ".jpg")])
    with pytest.raises(DataError, match="the name of a folder") as error:
        select_objects([make("a.jpg"), make("a.jpg/1.jpg")])
    assert error.value.where == ("a.jpg",)


def test_object_that_is_too_large_is_refused_before_it_is_read(folder):
    item = StoredObject(path="a/1.jpg", bytes=mirror.MAX_BYTES + 1, version="")
    with pytest.raises(DataError, match="over the limit"):
        update_mirror(folder, plan_mirror([item], {}, folder), lambda _: pytest.fail("read"), lambda _: None)


def test_disk_that_is_too_small_is_an_error_before_anything_is_read(folder, monkeypatch):
    usage = namedtuple("usage", "free")(free=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ConfigError, match="the disk of the cache") as error:
        update(folder, {"a/1.jpg": b"1234"})
    assert "XDG_CACHE_HOME" in error.value.hint


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b"{", b'{"a": ["x", 1]}'])
def test_damaged_catalogue_counts_as_none(folder, content):
    folder.mkdir(parents=True)
    (folder.parent / "catalogue.json").write_bytes(content)
    assert read_mirror_catalogue(folder) == {}
