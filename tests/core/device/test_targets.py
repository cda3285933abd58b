"""Finding and extending targets, in folders made for the purpose; and that every shipped one loads."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "targets"

PARENT = """
schema = 1
title = "Parent"
summary = "for tests"
[accepts]
formats = ["tflite"]
methods = ["int8", "float32"]
[limits]
accuracy_drop = 0.02
model_bytes = 1000
[runtime]
python = ">=3.10,<3.14"
[runtime.packages]
any = ["numpy>=2"]
aarch64 = ["ai-edge-litert>=2.1,<3"]
[payload]
files = ["demo.py", "common/shared.py"]
"""
CHILD = """
schema = 1
extends = "parent"
title = "Child"
summary = "for tests"
[device]
arch = ["aarch64"]
cpu = "Cortex-A76"
cores = 4
clock_hz = 2_400_000_000
ram_bytes = 8_000_000_000
[accepts]
methods = ["float32"]
[limits]
model_bytes = 500
[runtime.packages]
x86_64 = ["ai-edge-litert>=2.3"]
"""


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A folder with a parent, its payload, and a child; searched through --target-dir only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGETL_TARGETS", raising=False)
    folder = tmp_path / "mine"
    put(folder, "parent", PARENT)
    (folder / "parent" / "demo.py").write_text("demo")
    (folder / "common").mkdir()
    (folder / "common" / "shared.py").write_text("shared")
    put(folder, "child", CHILD)
    return folder


def put(root: Path, name: str, text: str) -> Path:
    (root / name).mkdir(parents=True, exist_ok=True)
    path = root / name / "target.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(root: Path, name: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        targets.find_target(name, [root])
    return caught.value


def test_every_shipped_target_loads():
    shipped = {path.parent.name for path in SHIPPED.glob("*/target.toml")}
    assert "tflite" in shipped
    assert shipped <= {target.id for target in targets.list_targets()}


def test_shipped_methods_and_payload():
    target = targets.find_target("tflite")
    assert target.device is None
    assert target.accepts.formats == ("tflite",)
    assert target.accepts.methods[:6] == ("int8", "int8_more", "mixed8", "qat8", "float16", "float32")
    assert target.limits.accuracy_drop is None
    assert {file.name for file in target.payload} >= {"classify.py", "selfcheck.py", "golden_check.py", "runtime.py"}
    assert all(file.path.is_file() for file in target.payload)


def test_tables_merge_and_lists_replace(root):
    child = targets.find_target("child", [root])
    assert (child.id, child.title, child.source) == ("child", "Child", root / "child" / "target.toml")
    assert child.accepts.formats == ("tflite",)
    assert child.accepts.methods == ("float32",)
    assert (child.limits.accuracy_drop, child.limits.model_bytes, child.limits.latency_ms) == (0.02, 500, None)
    assert set(child.runtime.packages) == {"any", "aarch64", "x86_64"}
    assert child.device is not None
    assert child.device.clock_hz == 2_400_000_000


def test_inherited_payload_lies_where_it_was_declared(root):
    (root / "child" / "demo.py").write_text("not declared here")
    payload = {file.name: file.path for file in targets.find_target("child", [root]).payload}
    assert payload == {"demo.py": root / "parent" / "demo.py", "shared.py": root / "common" / "shared.py"}


def test_a_child_elsewhere_finds_its_parents_files(root, tmp_path):
    other = tmp_path / "other"
    put(other, "mine", CHILD + '[payload]\nfiles = ["extra/own.py", "demo.py", "common/shared.py"]\n')
    (other / "mine" / "extra").mkdir()
    (other / "mine" / "extra" / "own.py").write_text("own")
    payload = {file.name: file.path for file in targets.find_target("mine", [other, root]).payload}
    assert payload == {
        "extra/own.py": other / "mine" / "extra" / "own.py",
        "demo.py": root / "parent" / "demo.py",
        "shared.py": root / "common" / "shared.py",
    }


def list_payload(root: Path, name: str) -> dict[str, Path]:
    return {file.name: file.path for file in targets.find_target(name, [root]).payload}


def test_payload_add_adds_to_the_files_of_every_ancestor(root):
    put(root, "child", CHILD + '[payload]\nadd = ["camera.py"]\n')
    put(root, "grandchild", CHILD.replace('"parent"', '"child"') + '[payload]\nadd = ["lens.py"]\n')
    (root / "child" / "camera.py").write_text("camera")
    (root / "grandchild" / "lens.py").write_text("lens")
    inherited = {"demo.py": root / "parent" / "demo.py", "shared.py": root / "common" / "shared.py"}
    with_camera = {**inherited, "camera.py": root / "child" / "camera.py"}
    assert list_payload(root, "parent") == inherited
    assert list_payload(root, "child") == with_camera
    assert list_payload(root, "grandchild") == {**with_camera, "lens.py": root / "grandchild" / "lens.py"}


def test_payload_files_replaces_what_ancestors_added(root):
    put(root, "child", CHILD + '[payload]\nadd = ["camera.py"]\n')
    put(
        root, "grandchild", CHILD.replace('"parent"', '"child"') + '[payload]\nfiles = ["demo.py"]\nadd = ["lens.py"]\n'
    )
    (root / "child" / "camera.py").write_text("camera")
    (root / "grandchild" / "lens.py").write_text("lens")
    expected = {"demo.py": root / "parent" / "demo.py", "lens.py": root / "grandchild" / "lens.py"}
    assert list_payload(root, "grandchild") == expected


@pytest.mark.parametrize(
    ("add", "message"),
    [
        ('["demo.py"]', "payload.add lists 'demo.py', but payload.files of parent lists 'demo.py'"),
        ('["Shared.py"]', "payload.add lists 'Shared.py', but payload.files of parent lists 'common/shared.py'"),
        ('["a.py", "a.py"]', "payload.add lists 'a.py', but payload.add of child lists 'a.py'"),
    ],
)
def test_payload_add_of_a_file_that_is_there_is_refused(root, add, message):
    path = put(root, "child", f"{CHILD}[payload]\nadd = {add}\n")
    error = refused(root, "child")
    assert error.message == message and error.where == (str(path), "payload.add")


def test_missing_file_in_payload_add_is_refused(root):
    path = put(root, "child", CHILD + '[payload]\nadd = ["camera.py"]\n')
    error = refused(root, "child")
    assert error.message == "no payload file 'camera.py'" and error.where == (str(path), "payload.add")


def test_search_order(root, tmp_path, monkeypatch):
    places = {name: tmp_path / name for name in ("explicit", "listed", "targets", "plugin")}
    for name, folder in places.items():
        put(folder, "tflite", PARENT.replace("Parent", name).replace("[payload]", "[payload]\n#"))
        (folder / "tflite" / "demo.py").touch()
        (folder / "common").mkdir()
        (folder / "common" / "shared.py").touch()
    entry = metadata.EntryPoint(name="plugin", value="plugin_of_a_test:FOLDER", group=targets.ENTRY_POINTS)
    (tmp_path / "plugin_of_a_test.py").write_text(f"FOLDER = {str(places['plugin'])!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == targets.ENTRY_POINTS else [])
    monkeypatch.setenv("EDGETL_TARGETS", os.pathsep.join(["", str(places["listed"])]))

    assert targets.find_target("tflite", [places["explicit"]]).title == "explicit"
    assert targets.find_target("tflite").title == "listed"
    monkeypatch.delenv("EDGETL_TARGETS")
    assert targets.find_target("tflite").title == "targets"
    monkeypatch.chdir(places["plugin"])
    assert targets.find_target("tflite").title == "plugin"
    monkeypatch.setattr(metadata, "entry_points", lambda group: [])
    assert targets.find_target("tflite").source == SHIPPED / "tflite" / "target.toml"


def test_entry_point_may_be_a_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "package_of_a_test"
    put(package, "boarded", CHILD.replace("parent", "tflite"))
    (package / "__init__.py").touch()
    entry = metadata.EntryPoint(name="boards", value="package_of_a_test", group=targets.ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry])
    assert targets.find_target("boarded").title == "Child"


@pytest.mark.parametrize(
    "value", ["no_such_module_anywhere", "edgetl.core.device.targets:NO_SUCH", "edgetl.core.device.targets:find"]
)
def test_a_broken_entry_point_is_named(value, monkeypatch):
    entry = metadata.EntryPoint(name="broken", value=value, group=targets.ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry])
    with pytest.raises(ConfigError, match="the entry point broken") as caught:
        targets.find_target("tflite")
    assert caught.value.where == (value,)


def test_unknown_target(root):
    error = refused(root, "chld")
    assert error.message == "unknown target 'chld'"
    assert error.hint.startswith("did you mean child")


@pytest.mark.parametrize(
    ("wrong", "key", "message", "hint"),
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
def test_what_a_file_may_not_say(root, wrong, key, message, hint):
    head = 'schema = 1\nextends = "parent"\ntitle = "W"\nsummary = "w"\n'
    path = put(root, "wrong", head + wrong)
    error = refused(root, "wrong")
    assert error.where == (str(path), key)
    assert message in error.message
    assert error.hint.startswith(hint)


@pytest.mark.parametrize("gone", ["schema", "title", "summary"])
def test_nobody_inherits_a_title(root, gone):
    put(root, "child", "\n".join(line for line in CHILD.splitlines() if not line.startswith(gone)))
    assert refused(root, "child").message == f"{gone} is missing"


def test_another_schema(root):
    put(root, "child", CHILD.replace("schema = 1", "schema = 2"))
    assert refused(root, "child").message.startswith("schema: ")


def test_not_toml(root):
    put(root, "child", "schema = ")
    assert refused(root, "child").message.startswith("the target cannot be read")


def test_an_error_names_the_file_it_is_in(root):
    path = put(root, "parent", PARENT.replace("model_bytes", "model_byte"))
    assert refused(root, "child").where == (str(path), "limits.model_byte")


def test_circle_and_missing_parent(root):
    put(root, "parent", PARENT.replace("schema = 1", 'schema = 1\nextends = "child"'))
    assert refused(root, "child").message.endswith("circle: child → parent → child")
    put(root, "child", CHILD.replace('"parent"', '"parnt"'))
    error = refused(root, "child")
    assert error.message == "unknown target 'parnt'"
    assert error.hint.startswith("did you mean parent")


def test_a_board_needs_a_runtime(root):
    put(root, "child", CHILD.replace('"aarch64"', '"armv7l"'))
    assert refused(root, "child").message == "unknown architecture 'armv7l'"


@pytest.mark.parametrize("path", ["../parent/demo.py", "/etc/hostname", "a\\\\b", ".hidden", "a/../b", "", "./demo.py"])
def test_payload_paths_that_leave(root, path):
    put(root, "child", f'{CHILD}[payload]\nfiles = ["{path}"]')
    assert "cannot be a payload path" in refused(root, "child").message


@pytest.mark.parametrize("path", ["demo.py", "common/shared.py"])
def test_payload_links_that_leave(root, tmp_path, path):
    (tmp_path / "secret").write_text("secret")
    place = root / "parent" / path if path == "demo.py" else root / path
    place.unlink()
    place.symlink_to(tmp_path / "secret")
    assert "leads out" in refused(root, "parent").message


def test_payload_links_that_stay(root):
    (root / "parent" / "real.py").write_text("real")
    (root / "parent" / "demo.py").unlink()
    (root / "parent" / "demo.py").symlink_to("real.py")
    assert targets.find_target("parent", [root]).payload[0].name == "demo.py"


def test_payload_that_is_not_there(root):
    (root / "parent" / "demo.py").unlink()
    assert refused(root, "child").message == "no payload file 'demo.py'"


@pytest.mark.parametrize("path", ["model.json", "Model.JSON", "golden/0.jpg", "sha256sums", "common/demo.py"])
def test_payload_must_not_hide_anything(root, path):
    for place in (root / "parent" / path, root / path):
        place.parent.mkdir(exist_ok=True)
        place.touch()
    put(root, "parent", PARENT.replace('"common/shared.py"', f'"{path}"'))
    assert refused(root, "parent").message.endswith("is in the way of another file of the bundle")


def test_payload_file_and_folder_of_one_name(root):
    (root / "common" / "Demo.py").mkdir()
    (root / "common" / "Demo.py" / "more.py").touch()
    put(root, "parent", PARENT.replace("shared.py", "Demo.py/more.py"))
    assert refused(root, "parent").message == "Demo.py/more.py is in the way of another file of the bundle"


def test_folders_that_cannot_be_searched(root, monkeypatch):
    with pytest.raises(ConfigError, match="--target-dir names a folder of targets that does not exist"):
        targets.find_target("child", [root / "absent"])
    with pytest.raises(ConfigError, match="--target-dir names a target") as caught:
        targets.find_target("child", [root / "child"])
    assert caught.value.hint.endswith(str(root))
    monkeypatch.setenv("EDGETL_TARGETS", str(root / "absent"))
    with pytest.raises(ConfigError, match=r"\$EDGETL_TARGETS"):
        targets.list_targets()


def test_a_folder_whose_name_is_no_id(root):
    put(root, "My Board", PARENT)
    assert refused(root, "child").message == "'My Board' cannot be a target's id"


def test_available_reports_what_does_not_load(root):
    assert {"child", "parent", "tflite"} <= {target.id for target in targets.list_targets([root])}
    put(root, "child", "schema = 1")
    with pytest.raises(ConfigError, match="title is missing"):
        targets.list_targets([root])
    put(root, "another", "schema = 2")
    with pytest.raises(ConfigError, match="2 targets do not load") as caught:
        targets.list_targets([root])
    assert len(caught.value.where) == 2


def test_import_is_light():
    code = (
        "import sys, edgetl.core.device.targets\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'PIL', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("key", ["title", "summary"])
def test_a_title_is_one_line(root, key):
    """It goes into requirements.txt as a comment, where a second line would be a package."""
    put(root, "child", CHILD.replace(f'{key} = "', f'{key} = "one\\nevil=='))
    assert refused(root, "child").message.startswith(f"{key}: should be one line of printable text, got 'one")


def test_a_target_nested_too_deeply(root):
    put(root, "child", f"schema = {'[' * 20_000}")
    assert refused(root, "child").message.startswith("the target cannot be read")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_an_entry_point_may_end_in_any_way(error, monkeypatch):
    entry = metadata.EntryPoint(name="broken", value="anything", group=targets.ENTRY_POINTS)

    def load(_):
        raise error

    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry])
    monkeypatch.setattr(metadata.EntryPoint, "load", load)
    with pytest.raises(ConfigError, match="the entry point broken cannot be loaded"):
        targets.find_target("tflite")
