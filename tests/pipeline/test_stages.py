"""The lazy stages: every function that the pipeline calls exists, and importing the pipeline imports none of them."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from edgetl.core.run.lazy import LazyModule
from edgetl.pipeline import stages

FOLDER = Path(stages.__file__).parent


def list_calls() -> list[tuple[str, str]]:
    """Return module and function of every `stages.module.function` in the pipeline."""
    return sorted(
        {
            (node.value.attr, node.attr)
            for path in FOLDER.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and isinstance(node.value.value, ast.Name)
            and node.value.value.id == "stages"
        }
    )


# Stages by the name of their judge.
TABLES = {"JUDGE_STAGES": stages.JUDGE_STAGES, "MEMORY_STAGES": stages.MEMORY_STAGES}


@pytest.mark.parametrize(("module", "function"), list_calls())
def test_function_that_the_pipeline_calls_exists(module, function):
    lazy = getattr(getattr(stages, module), function)
    assert callable(getattr(import_module(lazy.__module__), function))
    assert lazy.__module__.startswith(("edgetl.stages.", "edgetl.engines.")) and lazy.__name__ == function


def test_every_lazy_module_is_called():
    lazy = {name for name, value in vars(stages).items() if isinstance(value, LazyModule)}
    called = {module for module, _ in list_calls()}
    assert lazy == set(stages.__all__) - TABLES.keys() == called - TABLES.keys()


def test_importing_the_pipeline_imports_no_stage_with_a_heavy_library():
    program = "import sys, edgetl.pipeline.build, edgetl.pipeline.devices; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    functions = [getattr(stages, name).load for name in set(stages.__all__) - TABLES.keys()]
    functions += [function for table in TABLES.values() for function in table.values()]
    assert {function.__module__ for function in functions} & imported == set()
    assert not imported & {"tensorflow", "keras", "onnxruntime", "sklearn", "matplotlib"}
