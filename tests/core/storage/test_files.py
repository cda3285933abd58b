"""files.py: a file or folder is complete or absent, whatever fails while it is written."""

import errno
import os
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.storage import files

DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_hash_is_the_sha256_of_the_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    # Source: FIPS 180-2, appendix B.1.
    assert files.hash_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_written_file_replaces_the_old_content(tmp_path):
    path = tmp_path / "a.json"
    for text in ("öld\n", "new"):
        files.write_text(path, text)
        assert path.read_bytes() == text.encode()
    assert list_names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("call", ["open", "replace"])
def test_failed_write_keeps_the_old_content(tmp_path, monkeypatch, call):
    path = tmp_path / "a.json"
    files.write_file(path, b"old")

    def fail(*arguments, **keywords):
        raise DISK_FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, call, fail)
        with pytest.raises(OSError, match="No space"):
            files.write_file(path, b"new")
    assert path.read_bytes() == b"old" and list_names(tmp_path) == ["a.json"]


def test_disk_that_fills_up_during_a_write_keeps_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_file(path, b"old")
    opened = Path.open

    class HalfFile:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self._file.close()

        def write(self, content):
            self._file.write(content[:2])
            raise DISK_FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, mode: HalfFile(opened(self, mode)))
        with pytest.raises(OSError, match="No space"):
            files.write_file(path, b"newer")
    assert path.read_bytes() == b"old" and list_names(tmp_path) == ["a.json"]


def test_json_is_the_same_after_writing_and_reading(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"ä": [1, 2.5, None]})
    assert "ä" in path.read_text(encoding="utf-8") and path.read_text(encoding="utf-8").endswith("}\n")
    assert files.read_json(path, hint="h") == {"ä": [1, 2.5, None]}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"3", b"\xff"])
def test_file_without_a_json_object_is_an_error(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        files.read_json(path, hint="build it again")
    assert caught.value.where == (str(path),) and caught.value.hint == "build it again"


def test_missing_json_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        files.read_json(tmp_path / "absent", hint="")


def test_folder_is_created_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "folder"
    with files.create_folder(path) as unfinished:
        (unfinished / "file").write_text("x")
        assert not path.exists() and list(tmp_path.glob(files.UNFINISHED)) == [unfinished]
    assert list_names(tmp_path) == ["folder"] and (path / "file").read_text() == "x"


def test_failed_block_creates_no_folder(tmp_path):
    with pytest.raises(ValueError, match="bug"), files.create_folder(tmp_path / "folder") as unfinished:
        (unfinished / "file").write_text("x")
        raise ValueError("bug")
    assert list_names(tmp_path) == []


def test_block_may_remove_its_folder(tmp_path):
    with files.create_folder(tmp_path / "folder") as unfinished:
        unfinished.rmdir()
    assert list_names(tmp_path) == []


def test_folder_of_another_process_is_kept(tmp_path):
    path = tmp_path / "folder"
    with files.create_folder(path) as unfinished:
        (unfinished / "file").write_text("mine")
        path.mkdir()
        (path / "file").write_text("of another process")
    assert list_names(tmp_path) == ["folder"] and (path / "file").read_text() == "of another process"


def test_hash_of_a_folder_covers_the_names_and_the_contents_of_its_files(tmp_path):
    def make(name, **contents):
        for file, content in contents.items():
            (tmp_path / name / "inner").mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "inner" / file).write_text(content)
        return files.hash_model(tmp_path / name)

    first = make("a", one="1", two="2")
    assert make("b", two="2", one="1") == first
    assert len({first, make("c", one="1", two="3"), make("d", one="1", three="2"), make("e", one="1")}) == 4
    (tmp_path / "file").write_text("1")
    assert files.hash_model(tmp_path / "file") == files.hash_file(tmp_path / "file")
