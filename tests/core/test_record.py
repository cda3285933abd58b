"""record.py: records are frozen and strict, paths are relative on disk, and a key leaves out paths."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from edgetl.core.record import PathInside, Record


class Note(Record):
    """A text file, and the folder of its author."""

    path: PathInside
    sha256: str
    home: Path
    lines: tuple[int, ...]


def make_note(folder: Path) -> Note:
    return Note(path=folder / "deep" / "note.txt", sha256="a", home=Path("/home/author"), lines=(1, 2))


def test_paths_inside_the_folder_are_relative_on_disk(tmp_path):
    value = make_note(tmp_path).to_json(tmp_path)
    assert value["path"] == str(Path("deep") / "note.txt")
    assert str(tmp_path) not in json.dumps(value)


def test_other_paths_are_absolute_on_disk(tmp_path):
    value = make_note(tmp_path).to_json(tmp_path)
    assert value["home"] == "/home/author"
    assert Note.from_json(value, tmp_path / "moved").home == Path("/home/author")


def test_paths_are_absolute_in_memory(tmp_path):
    note = make_note(tmp_path)
    assert note.path.is_absolute()
    assert note.model_dump(mode="json")["path"] == str(tmp_path / "deep" / "note.txt")


def test_record_follows_its_folder(tmp_path):
    value = json.loads(json.dumps(make_note(tmp_path / "old").to_json(tmp_path / "old")))
    assert Note.from_json(value, tmp_path / "old") == make_note(tmp_path / "old")
    assert Note.from_json(value, tmp_path / "new") == make_note(tmp_path / "new")


@pytest.mark.parametrize("path", ["/etc/passwd", "../note.txt", "deep/../../note.txt"])
def test_path_that_leads_out_of_the_folder_is_not_read(tmp_path, path):
    value = make_note(tmp_path).to_json(tmp_path)
    with pytest.raises(ValidationError, match="leads out of the folder"):
        Note.from_json({**value, "path": path}, tmp_path)


def test_path_outside_the_folder_cannot_be_written(tmp_path):
    with pytest.raises(PydanticSerializationError, match="subpath"):
        make_note(tmp_path / "a").to_json(tmp_path / "b")


def test_key_has_all_fields_but_paths(tmp_path):
    assert make_note(tmp_path).key() == {"sha256": "a", "lines": (1, 2)}
    assert make_note(tmp_path).key() == make_note(tmp_path / "moved").key()


def test_record_describes_no_files_by_default(tmp_path):
    assert make_note(tmp_path).contents() == {}


def test_unknown_field_is_an_error(tmp_path):
    value = make_note(tmp_path).to_json(tmp_path)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Note.from_json({**value, "more": 1}, tmp_path)


def test_missing_field_is_an_error(tmp_path):
    value = make_note(tmp_path).to_json(tmp_path)
    del value["lines"]
    with pytest.raises(ValidationError, match="lines"):
        Note.from_json(value, tmp_path)


def test_record_is_frozen(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        make_note(tmp_path).sha256 = "b"


def test_record_in_memory_is_not_copied_by_validation(tmp_path):
    note = make_note(tmp_path)
    assert TypeAdapter(Note).validate_python(note) is note
