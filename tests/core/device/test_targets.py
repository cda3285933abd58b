"""targets.py: every shipped target loads, targets extend others, and invalid ones are refused with file and key."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "targets"


def test_every_shipped_target_loads():
    shipped = {path.parent.name for path in SHIPPED.glob("*/target.toml")}
    assert "tflite" in shipped
    assert shipped <= {target.id for target in targets.list_targets()}


def test_shipped_target_has_its_methods_and_payload():
    target = targets.find_target("tflite")
    assert target.device is None
    assert target.accepts.formats == ("tflite",)
    assert target.accepts.methods[:7] == ("int8", "int8_more", "int8_adaround", "mixed8", "qat8", "float16", "float32")
    assert target.limits.accuracy_drop is None
    assert {file.name for file in target.payload} >= {"classify.py", "selfcheck.py", "golden_check.py", "runtime.py"}
    assert all(file.path.is_file() for file in target.payload)


def test_kernels_are_the_fast_ones_if_the_runtime_has_them():
    accelerated, plain = targets.find_target("tflite"), targets.find_target("raspberry-pi-armv7")
    assert accelerated.choose_kernels("tflite") == "xnnpack" and accelerated.choose_kernels("onnx") == "onnxruntime"
    assert plain.choose_kernels("tflite") == "reference"


def test_tables_are_merged_and_lists_are_replaced(folder):
    child = targets.find_target("child", [folder.root])
    assert (child.id, child.title, child.source) == ("child", "Child", folder.root / "child" / "target.toml")
    assert child.accepts.formats == ("tflite",)
    assert child.accepts.methods == ("float32",)
    assert (child.limits.accuracy_drop, child.limits.model_bytes, child.limits.latency_ms) == (0.02, 500, None)
    assert set(child.runtime.packages) == {"any", "aarch64", "x86_64"}
    assert child.device is not None and child.device.clock_hz == 2_400_000_000


def test_misspelt_target_has_a_suggestion(folder):
    error = folder.get_error("chld")
    assert error.message == "unknown target 'chld'" and error.hint.startswith("did you mean child")


@pytest.mark.parametrize(
    ("tables", "key", "message", "hint"),
    [
        ("[limits]\nacuracy_drop = 0.1", "limits.acuracy_drop", "unknown key", "did you mean accuracy_drop?"),
        ("[limts]\nmodel_bytes = 1", "limts", "unknown key", "did you mean limits?"),
        ('[limits]\nmodel_bytes = "1"', "limits.model_bytes", "valid integer", ""),
        ("[limits]\nmodel_bytes = true", "limits.model_bytes", "valid integer", ""),
        ("[limits]\naccuracy_drop = nan", "limits.accuracy_drop", "finite", ""),
        ("[limits]\naccuracy_drop = 1.5", "limits.accuracy_drop", "less than 1", ""),
        ("[device]\ncores = 0", "device.cores", "greater than", ""),
        ('[device]\narch = "aarch64"', "device.arch", "should be a list", ""),
        ("[device]\narch = [64]", "device.arch.0", "string", ""),
        ("[device]\ncores = 4", "device.arch", "missing", ""),
        ('[accepts]\nformats = ["tflit"]', "accepts.formats.0", "tflite", ""),
        ('[accepts]\nmethods = ["int9"]', "accepts.methods", "unknown method 'int9'", "did you mean int8"),
        ('[runtime]\npython = "3.11"', "runtime.python", "pattern", ""),
        ('[runtime.packages]\nany = ["-r evil"]', "runtime.packages.any.0", "pattern", ""),
        ('[runtime.packages]\nany = ["a ; b"]', "runtime.packages.any.0", "pattern", ""),
        ('[runtime.packages]\nany = ["a>=1 --global-option=x"]', "runtime.packages.any.0", "pattern", ""),
        ("limits = 3", "limits", "should be a table", ""),
    ],
)
def test_invalid_key_is_refused_with_its_file(folder, tables, key, message, hint):
    path = folder.write("wrong", 'schema = 1\nextends = "parent"\ntitle = "W"\nsummary = "w"\n' + tables)
    error = folder.get_error("wrong")
    assert error.where == (str(path), key)
    assert message in error.message and error.hint.startswith(hint)


@pytest.mark.parametrize("key", ["schema", "title", "summary"])
def test_schema_title_and_summary_are_not_inherited(folder, key):
    folder.write("child", "\n".join(line for line in folder.child.splitlines() if not line.startswith(key)))
    assert folder.get_error("child").message == f"{key} is missing"


def test_unknown_schema_is_refused(folder):
    folder.write("child", folder.child.replace("schema = 1", "schema = 2"))
    assert folder.get_error("child").message.startswith("schema: ")


@pytest.mark.parametrize("text", ["schema = ", f"schema = {'[' * 20_000}"], ids=["no value", "nested too deeply"])
def test_file_that_is_not_toml_is_refused(folder, text):
    folder.write("child", text)
    assert folder.get_error("child").message.startswith("the target cannot be read")


@pytest.mark.parametrize("key", ["title", "summary"])
def test_title_and_summary_of_several_lines_are_refused(folder, key):
    """The title is a comment in requirements.txt: a second line would be a package."""
    folder.write("child", folder.child.replace(f'{key} = "', f'{key} = "one\\nevil=='))
    assert folder.get_error("child").message.startswith(f"{key}: should be one line of printable text, got 'one")


def test_error_in_a_parent_names_the_file_of_the_parent(folder):
    path = folder.write("parent", folder.parent.replace("model_bytes", "model_byte"))
    assert folder.get_error("child").where == (str(path), "limits.model_byte")


def test_targets_that_extend_each_other_are_refused(folder):
    folder.write("parent", folder.parent.replace("schema = 1", 'schema = 1\nextends = "child"'))
    assert folder.get_error("child").message.endswith("circle: child → parent → child")


def test_long_chain_of_targets_is_refused_with_its_names(folder):
    head = 'schema = 1\ntitle = "A board"\nsummary = "A board"\n'
    folder.write("t0", f'{head}extends = "parent"\n')
    for number in range(1, 10):
        folder.write(f"t{number}", f'{head}extends = "t{number - 1}"\n')
    # The ancestors of t7 are t6 to t0 and parent.
    assert targets.find_target("t7", [folder.root]).title == "A board"
    error = folder.get_error("t9")
    assert error.message.startswith("a target extends more than 8 others: t9 → t8 → t7")
    assert error.where == (str(folder.root / "t9" / "target.toml"), "extends") and error.hint


def test_misspelt_parent_has_a_suggestion(folder):
    path = folder.write("child", folder.child.replace('"parent"', '"parnt"'))
    error = folder.get_error("child")
    assert error.message == "unknown target 'parnt'" and error.where == (str(path), "extends")
    assert error.hint.startswith("did you mean parent")


def test_other_architecture_without_packages_is_refused(folder):
    folder.write("child", folder.child + '[runtime]\nother_architectures = ["x86_63"]\n')
    assert folder.get_error("child").message == "unknown architecture 'x86_63'"


def test_board_without_packages_for_its_architecture_is_refused(folder):
    folder.write("child", folder.child.replace('"aarch64"', '"armv7l"'))
    assert folder.get_error("child").message == "unknown architecture 'armv7l'"


def test_list_contains_all_targets_sorted_by_id(folder):
    ids = [target.id for target in targets.list_targets([folder.root])]
    assert {"child", "parent", "tflite"} <= set(ids) and ids == sorted(ids)


def test_list_with_one_invalid_target_raises_its_error(folder):
    folder.write("child", "schema = 1")
    with pytest.raises(ConfigError, match="title is missing"):
        targets.list_targets([folder.root])


def test_list_with_several_invalid_targets_names_all(folder):
    paths = [folder.write("child", "schema = 1"), folder.write("another", "schema = 2")]
    with pytest.raises(ConfigError, match="2 targets are invalid") as error:
        targets.list_targets([folder.root])
    assert all(any(str(path) in place for place in error.value.where) for path in paths)


def test_import_of_targets_loads_no_heavy_package():
    code = (
        "import sys, edgetl.core.device.targets\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'PIL', 'rich') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
