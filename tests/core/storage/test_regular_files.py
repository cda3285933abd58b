"""regular_files.py: links, pipes, devices and files without bounds are refused at once, with a sentence."""

import os
import stat
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.storage import regular_files
from edgetl.core.storage.regular_files import (
    check_regular,
    is_inside,
    open_for_appending,
    open_regular,
    read_regular,
    read_user_text,
    remove_entry,
)
from tests.fixtures.special_files import SPECIAL_FILES, make_special


def read_text(file) -> str:
    file.seek(0)
    return file.read()


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_is_refused_at_once(kind, tmp_path):
    path = make_special(kind, tmp_path)
    with pytest.raises(OSError, match=f"it is {SPECIAL_FILES[kind]}, and a regular file is needed"):
        open_regular(path)
    with pytest.raises(ConfigError, match=f"the labels cannot be read: it is {SPECIAL_FILES[kind]}") as caught:
        read_user_text(path, "the labels")
    assert caught.value.where == (str(path),)
    with pytest.raises(ConfigError, match=f"the model file cannot be read: it is {SPECIAL_FILES[kind]}"):
        check_regular(path, "model file")


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_is_not_written(kind, tmp_path):
    path = make_special(kind, tmp_path)
    with pytest.raises(ConfigError, match=f"{path.name} cannot be written: it is {SPECIAL_FILES[kind]}") as caught:
        open_for_appending(path)
    assert "remove it" in caught.value.hint


def test_pipe_that_replaces_a_file_after_the_check_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.touch()
    status = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda self: status)
    with pytest.raises(OSError, match="a named pipe"):
        open_regular(path)


def test_content_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("größer".encode())
    assert read_regular(path, 100).decode() == read_user_text(path, "the labels") == "größer"


def test_link_is_followed_where_the_user_names_it(tmp_path):
    (tmp_path / "file").write_text("text")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert read_regular(link, 10) == b"text"
    with pytest.raises(OSError, match="it is a link"):
        read_regular(link, 10, follow_links=False)


def test_file_over_the_limit_is_refused(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(10 * 1024**4)
    with pytest.raises(OSError, match="over the limit of 2048 MiB"):
        open_regular(path, regular_files.LARGEST_MODEL_BYTES)
    with pytest.raises(ConfigError, match="the recipe cannot be read: it is over the limit of 1 MiB"):
        read_user_text(path, "the recipe")


def test_file_that_grows_while_it_is_read_is_refused():
    """Files below /proc have a size of 0 and any content."""
    assert Path("/proc/self/maps").stat().st_size == 0
    with pytest.raises(OSError, match="over the limit"):
        read_regular(Path("/proc/self/maps"), 10)
    assert b"python" in read_regular(Path("/proc/self/maps"), 10_000_000)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read_user_text(tmp_path / "a", "the labels", hint="save it again")
    assert caught.value.hint == "save it again"


def test_missing_file_is_named_without_a_number(tmp_path):
    with pytest.raises(ConfigError, match="no such model file") as caught:
        check_regular(tmp_path / "none", "model file", hint="look elsewhere")
    assert (caught.value.where, caught.value.hint) == ((str(tmp_path / "none"),), "look elsewhere")
    with pytest.raises(ConfigError) as caught:
        read_user_text(tmp_path / "none", "the labels")
    assert caught.value.message == "the labels cannot be read: No such file or directory"


def test_text_is_appended(tmp_path):
    path = tmp_path / "log.txt"
    for text in ("a", "b"):
        with open_for_appending(path) as file:
            file.write(text)
            file.flush()
            assert read_text(file).endswith(text)
    assert path.read_text() == "ab"
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRUSR


def test_nothing_is_appended_through_a_link(tmp_path):
    (tmp_path / "private").write_text("keep")
    for link in (tmp_path / "log.txt", tmp_path / "dangling"):
        link.symlink_to("private" if link.name == "log.txt" else "absent")
        with pytest.raises(ConfigError, match="it is a link"):
            open_for_appending(link)
    assert (tmp_path / "private").read_text() == "keep" and not (tmp_path / "absent").exists()


def test_nothing_is_appended_to_a_file_with_a_second_name(tmp_path):
    (tmp_path / "private").write_text("keep")
    (tmp_path / "log.txt").hardlink_to(tmp_path / "private")
    with pytest.raises(ConfigError, match="hard links"):
        open_for_appending(tmp_path / "log.txt")


def test_link_that_replaces_a_file_after_the_check_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "private").write_text("keep")
    (tmp_path / "log.txt").symlink_to("private")
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with pytest.raises(ConfigError, match=r"log\.txt cannot be written"):
        open_for_appending(tmp_path / "log.txt")


def test_entry_is_removed_and_its_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(precious)
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "dangling").symlink_to("absent")
    (tmp_path / "file").touch()
    for name in ("folder", "link", "dangling", "file", "absent"):
        remove_entry(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"] and (precious / "file").exists()


def test_path_through_a_link_is_outside(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "file").touch()
    (folder / "self").symlink_to(".")
    (tmp_path / "run-link").symlink_to(folder)
    assert is_inside(folder / "file", folder) and is_inside(folder, folder)
    # The user may name the whole folder by a link.
    assert is_inside(tmp_path / "run-link" / "file", tmp_path / "run-link")
    assert not is_inside(folder / "self" / "file", folder)
    assert not is_inside(folder / ".." / "other", folder)
    assert not is_inside(tmp_path / "elsewhere", folder)
