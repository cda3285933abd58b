"""stage_origin.py: what has changed since a stage was made, in words."""

import json

import pytest

from edgetl.core.run.stage_origin import describe_origin, explain_difference, read_fingerprint, read_origin
from edgetl.core.storage.files import hash_file

FUNCTION = "edgetl.stages.verify.verify_scores"
NOW = {"code": "c", "libraries": {"numpy": "2.1", "pillow": "11"}, "files": []}


def test_origin_has_code_libraries_and_files(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    origin = describe_origin(FUNCTION, ("int8", path, 3))
    assert origin["files"] == [hash_file(path)] and len(origin["code"]) == 64
    assert "numpy" in origin["libraries"]
    # It is kept as JSON.
    assert json.loads(json.dumps(origin)) == origin


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (NOW, "the recipe changed"),
        ({}, "the recipe changed"),
        ({**NOW, "code": "d"}, "the code of edgetl changed"),
        ({**NOW, "libraries": {"numpy": "2.0", "pillow": "11"}}, "numpy 2.0 → 2.1"),
        ({**NOW, "libraries": {"numpy": "2.1", "jax": "1"}}, "jax 1 → absent, pillow absent → 11"),
        (
            {"code": "d", "libraries": {"pillow": "10"}},
            "numpy absent → 2.1, pillow 10 → 11, the code of edgetl changed",
        ),
        ({"code": "c", "libraries": 3}, "the recipe changed"),
    ],
)
def test_difference_in_words(before, text):
    assert explain_difference(before, NOW, "the recipe changed") == text


def test_origin_and_fingerprint_of_a_finished_stage(tmp_path):
    folder = tmp_path / "convert-int8"
    folder.mkdir()
    (folder / "convert.json").write_text(json.dumps({"fingerprint": "f", "origin": NOW}))
    assert read_origin(folder) == NOW and read_fingerprint(folder) == "f"


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"origin": 3}', "[" * 100_000])
def test_nothing_is_known_of_a_stage_that_was_not_made(tmp_path, content):
    folder = tmp_path / "train"
    folder.mkdir()
    if content is not None:
        (folder / "train.json").write_text(content)
    assert read_origin(folder) == {} and read_fingerprint(folder) == ""
