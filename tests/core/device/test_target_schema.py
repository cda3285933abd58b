"""target_schema.py: one file may be incomplete, a target may not; test_targets.py tests invalid keys."""

from pathlib import Path
from typing import get_args

import pytest

from edgetl.core.device import target_schema
from edgetl.core.errors import ConfigError
from edgetl.core.formats import JudgeName
from edgetl.core.microcontroller.npu import NpuName
from tests.fixtures.special_files import SPECIAL_FILES, make_special

HEAD = 'schema = 1\ntitle = "T"\nsummary = "t"\n'


def make_tables(formats: list[str]) -> dict[str, object]:
    return {
        "schema": 1,
        "title": "T",
        "summary": "t",
        "accepts": {"formats": formats, "methods": ["int8", "int16x8"]},
        "runtime": {"python": ">=3.11", "packages": {"any": ["numpy"]}},
    }


def test_file_may_be_incomplete_until_it_is_merged_with_its_parents(tmp_path):
    path = tmp_path / "target.toml"
    path.write_text(HEAD + "[device]\ncores = 4\n", encoding="utf-8")
    tables = target_schema.read_target_file(path)
    assert tables["device"] == {"cores": 4}
    with pytest.raises(ConfigError, match="missing"):
        target_schema.validate_target(tables, path)


def test_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "target.toml"
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(ConfigError, match="cannot be read"):
        target_schema.read_target_file(path)


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_is_refused_at_once(tmp_path, kind):
    with pytest.raises(ConfigError, match=f"the target cannot be read: it is {SPECIAL_FILES[kind]}"):
        target_schema.read_target_file(make_special(kind, tmp_path))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        target_schema.read_target_file(tmp_path / "target.toml")


def test_method_without_a_format_that_the_target_accepts_is_refused(tmp_path):
    path = tmp_path / "target.toml"
    with pytest.raises(ConfigError, match="int16x8 makes tflite files, the target accepts onnx") as error:
        target_schema.validate_target(make_tables(["onnx"]), path)
    assert error.value.where == (str(path), "accepts.methods")


def test_method_with_one_accepted_format_is_valid(tmp_path):
    target = target_schema.validate_target(make_tables(["onnx", "tflite"]), tmp_path / "target.toml")
    assert target.accepts.methods == ("int8", "int16x8") and target.runtime.accelerated


def test_located_error_has_file_and_key(tmp_path):
    error = target_schema.locate_key(tmp_path, "limits", ConfigError("wrong", hint="do this"))
    assert (error.message, error.where, error.hint) == ("wrong", (str(tmp_path), "limits"), "do this")


def test_every_key_is_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")
    for name, table in target_schema._TABLES.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `[{name}]` |")]
        assert [key for key in table.model_fields if f"`{key}`" not in line] == []
    values = (*get_args(target_schema.GeneratorName), *get_args(JudgeName), *get_args(NpuName))
    assert [value for value in values if f"`{value}`" not in page] == []
