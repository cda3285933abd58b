"""keras_archive.py: the bytes of a .keras file depend on its content only."""

import json
import random
import zipfile
from pathlib import Path

import pytest

from edgetl.core.storage.keras_archive import normalize_json, rewrite_keras_archive

WEIGHTS = random.Random(0).randbytes(3_000_000)


def make_config(address: int) -> dict[str, object]:
    policies = [{"name": "float32", "shared_object_id": address + step} for step in (0, 64, 0)]
    return {"class_name": "Functional", "config": {"layers": [{"dtype": policy} for policy in policies], "name": "é"}}


def write_archive(path: Path, *, year: int, address: int, reverse: bool = False) -> Path:
    """Write an archive as Keras does at another time, in another process."""
    contents = {
        "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": f"{year}-01-01@10:20:30"}).encode(),
        "config.json": json.dumps(make_config(address)).encode(),
        "model.weights.h5": WEIGHTS,
        "assets/names.txt": b"rose\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents, reverse=reverse):
            archive.writestr(zipfile.ZipInfo(name, (year, 2, 3, 4, 5, 6)), contents[name])
    return path


def test_archives_of_two_processes_become_equal(tmp_path):
    first = write_archive(tmp_path / "1", year=2025, address=140_000)
    second = write_archive(tmp_path / "2", year=2026, address=999_000, reverse=True)
    rewrite_keras_archive(first, tmp_path / "a.keras")
    rewrite_keras_archive(second, tmp_path / "b.keras")
    assert first.read_bytes() != second.read_bytes()
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_content_is_that_of_the_original(tmp_path):
    original = write_archive(tmp_path / "1", year=2025, address=140_000)
    rewrite_keras_archive(original, tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["assets/names.txt", "config.json", "metadata.json", "model.weights.h5"]
        assert archive.read("model.weights.h5") == WEIGHTS and archive.read("assets/names.txt") == b"rose\n"
        assert json.loads(archive.read("metadata.json")) == {
            "keras_version": "3.15.1",
            "date_saved": "1980-01-01@00:00:00",
        }
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_shared_objects_stay_shared():
    layers = json.loads(normalize_json(json.dumps(make_config(140_000)).encode()))["config"]["layers"]
    assert [layer["dtype"]["shared_object_id"] for layer in layers] == [1, 2, 1]


def test_keys_keep_their_order():
    assert normalize_json(b'{"b": 1, "a": {"d": [2.5, null], "c": "x"}}') == (
        b'{"b": 1, "a": {"d": [2.5, null], "c": "x"}}'
    )


def test_full_disk_is_an_error(tmp_path):
    original = write_archive(tmp_path / "1", year=2025, address=140_000)
    with pytest.raises(OSError, match="No space left"):
        rewrite_keras_archive(original, Path("/dev/full"))
