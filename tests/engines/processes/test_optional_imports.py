import subprocess
import sys

import pytest

from edgetl.engines.processes.optional_imports import skip_optional_imports


@pytest.fixture
def skipping(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in ("pandas", "jax"):
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
    skip_optional_imports()


def run_as(module: str, statement: str) -> None:
    exec(statement, {"__name__": module})


@pytest.mark.parametrize("module", ["keras.src.trainers", "tf_keras"])
@pytest.mark.parametrize("statement", ["import pandas", "from pandas import Series", "import pandas as pd"])
def test_library_does_not_find_a_package_that_it_can_do_without(skipping, module, statement):
    with pytest.raises(ModuleNotFoundError, match="without pandas") as caught:
        run_as(module, statement)
    assert caught.value.name == "pandas"


def test_import_by_name_is_one_of_the_library_that_calls(skipping):
    with pytest.raises(ModuleNotFoundError, match="without pandas"):
        run_as("keras.src.utils", "import importlib; importlib.import_module('pandas')")


def test_other_importers_find_it(skipping, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", sys)
    run_as("cleanlab.internal", "import pandas")


def test_backend_of_keras_is_not_optional(skipping, monkeypatch):
    with pytest.raises(ModuleNotFoundError):
        run_as("keras.src.backend", "import jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    run_as("keras.src.backend", "import importlib.util; assert importlib.util.find_spec('jax')")


def test_two_calls_hide_once(skipping):
    count = len(sys.meta_path)
    skip_optional_imports()
    assert len(sys.meta_path) == count


def test_tensorflow_and_keras_import_without_them():
    code = (
        "from edgetl.engines.processes.optional_imports import skip_optional_imports\n"
        "skip_optional_imports()\n"
        "import sys, tensorflow, keras, tf_keras\n"
        "print({'IPython', 'jax', 'matplotlib', 'pandas', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.stdout.strip() == "set()", process.stderr
