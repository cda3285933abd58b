"""target_search.py: the search order, entry points of other packages, and folders that cannot be searched."""

import os
from importlib import metadata
from pathlib import Path

import pytest

from edgetl.core.device import target_search, targets
from edgetl.core.device.target_search import map_target_files
from edgetl.core.errors import ConfigError


def register(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Let a package have one entry point for targets."""
    entry = metadata.EntryPoint(name="plugin", value=value, group=target_search.ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == target_search.ENTRY_POINTS else [])


def test_first_folder_in_the_search_order_wins(folder, tmp_path, monkeypatch):
    places = {name: tmp_path / name for name in ("explicit", "listed", "targets", "plugin")}
    for place in places.values():
        folder.write("tflite", folder.parent, root=place)
    (tmp_path / "plugin_of_a_test.py").write_text(f"FOLDER = {str(places['plugin'])!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    register(monkeypatch, "plugin_of_a_test:FOLDER")
    monkeypatch.setenv("EDGETL_TARGETS", os.pathsep.join(["", str(places["listed"])]))

    def find_place(*extra_dirs: Path) -> Path:
        return map_target_files(extra_dirs)["tflite"].parents[1]

    assert find_place(places["explicit"]) == places["explicit"]
    assert find_place() == places["listed"]
    monkeypatch.delenv("EDGETL_TARGETS")
    assert find_place() == places["targets"]
    monkeypatch.chdir(places["plugin"])
    assert find_place() == places["plugin"]
    monkeypatch.setattr(metadata, "entry_points", lambda group: [])
    assert find_place() == target_search.locate_shipped_targets()


def test_entry_point_may_be_a_package(folder, tmp_path, monkeypatch):
    package = tmp_path / "package_of_a_test"
    folder.write("board", folder.child.replace("parent", "tflite"), root=package)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    register(monkeypatch, "package_of_a_test")
    assert targets.find_target("board").title == "Child"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module_anywhere", "cannot be loaded"),
        ("edgetl.core.device.targets:NO_SUCH", "cannot be loaded"),
        ("edgetl.core.device.targets:find_target", "is neither a path nor a package"),
    ],
)
def test_invalid_entry_point_is_named(value, message, monkeypatch):
    register(monkeypatch, value)
    with pytest.raises(ConfigError, match=f"the entry point plugin {message}") as error:
        map_target_files([])
    assert error.value.where == (value,)


@pytest.mark.parametrize("exception", [ValueError("no"), SystemExit(3)])
def test_any_exception_of_an_entry_point_is_an_error(exception, monkeypatch):
    def fail(_: object) -> None:
        raise exception

    register(monkeypatch, "anything")
    monkeypatch.setattr(metadata.EntryPoint, "load", fail)
    with pytest.raises(ConfigError, match="the entry point plugin cannot be loaded"):
        map_target_files([])


def test_missing_folder_is_refused(folder):
    with pytest.raises(ConfigError, match="--target-dir names a folder of targets that does not exist"):
        map_target_files([folder.root / "absent"])


def test_target_instead_of_its_folder_is_refused(folder):
    with pytest.raises(ConfigError, match="--target-dir names a target instead of a folder of targets") as error:
        map_target_files([folder.root / "child"])
    assert error.value.hint.endswith(str(folder.root))


def test_missing_folder_of_the_environment_variable_is_refused(folder, monkeypatch):
    monkeypatch.setenv("EDGETL_TARGETS", str(folder.root / "absent"))
    with pytest.raises(ConfigError, match=r"\$EDGETL_TARGETS names a folder of targets that does not exist"):
        map_target_files([])


def test_folder_whose_name_is_no_id_is_refused(folder):
    folder.write("My Board", folder.parent)
    assert folder.get_error("My Board").message == "'My Board' cannot be a target's id"
