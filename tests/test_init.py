"""edgetl/__init__.py: the public names are all there, and none costs anything before it is used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import edgetl


def test_every_public_name_resolves():
    for name in edgetl.__all__:
        value = getattr(edgetl, name)
        assert value.__name__ == name and value.__doc__
    assert edgetl.__all__ == sorted(set(edgetl.__all__))


def test_places_names_and_types_agree():
    placed = {(module, name) for module, names in edgetl._MODULES.items() for name in names}
    assert sorted(name for _, name in placed) == edgetl.__all__
    assert all(hasattr(importlib.import_module(module), name) for module, name in placed)
    tree = ast.parse(Path(edgetl.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    typed = {(node.module, alias.name) for node in block.body for alias in node.names}
    assert typed == placed


def test_unknown_names_are_unknown():
    with pytest.raises(AttributeError, match="'edgetl' has no attribute 'Recip'"):
        edgetl.Recip  # noqa: B018
    with pytest.raises(ImportError):
        from edgetl import Recip  # noqa: F401


def test_import_costs_nothing():
    code = "import sys; before = set(sys.modules); import edgetl; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "edgetl" in loaded and "edgetl.core" not in done.stdout
    assert not loaded & {"numpy", "keras", "tensorflow", "pydantic", "PIL", "rich", "typer"}


def test_errors_and_recipe_stay_light():
    code = "import sys; from edgetl import ConfigError, resolve_recipe, Dataset; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
