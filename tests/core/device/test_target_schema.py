"""Reading one target.toml; what it may not say is tested through `targets.find` in test_targets.py."""

import pytest

from edgetl.core.device import target_schema
from edgetl.core.errors import ConfigError

HEAD = 'schema = 1\ntitle = "T"\nsummary = "t"\n'


def test_a_file_may_be_incomplete_until_it_is_merged(tmp_path):
    path = tmp_path / "target.toml"
    path.write_text(HEAD + "[device]\ncores = 4\n", encoding="utf-8")
    tables = target_schema.read_target_file(path)
    assert tables["device"] == {"cores": 4}
    with pytest.raises(ConfigError, match="missing"):
        target_schema.validate_target(tables, path)


def test_not_utf8(tmp_path):
    path = tmp_path / "target.toml"
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(ConfigError, match="cannot be read"):
        target_schema.read_target_file(path)


def test_a_method_that_makes_no_file_the_target_takes(tmp_path):
    tables = {
        "schema": 1,
        "title": "T",
        "summary": "t",
        "accepts": {"formats": ["onnx"], "methods": ["int8", "int16x8"]},
        "runtime": {"python": ">=3.11", "packages": {"any": ["numpy"]}},
    }
    with pytest.raises(ConfigError, match="int16x8 makes tflite files, the target takes onnx") as caught:
        target_schema.validate_target(tables, tmp_path / "target.toml")
    assert caught.value.where[1] == "accepts.methods"
    tables["accepts"]["formats"].append("tflite")
    assert target_schema.validate_target(tables, tmp_path / "target.toml").accepts.methods == ("int8", "int16x8")


def test_at_adds_the_place(tmp_path):
    error = target_schema.locate_key(tmp_path, "limits", ConfigError("wrong", hint="do this"))
    assert (error.message, error.where, error.hint) == ("wrong", (str(tmp_path), "limits"), "do this")
