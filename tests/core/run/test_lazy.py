"""lazy.py: a module is imported when one of its functions is called, and not before."""

import sys
import textwrap

import pytest

from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.run.lazy import LazyModule
from tests.fixtures.signals import interrupt_here

NAME = "lazily_imported"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A placeholder for a module that is not imported yet."""
    source = """
    def add(left, right, *, scale=1):
        return (left + right) * scale
    """
    (tmp_path / f"{NAME}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    yield LazyModule(NAME)
    sys.modules.pop(NAME, None)


def test_function_has_its_name_before_the_import(module):
    assert (module.add.__module__, module.add.__name__) == (NAME, "add")
    assert NAME not in sys.modules


def test_call_imports_the_module(module):
    assert module.add(1, 2, scale=10) == 30
    assert NAME in sys.modules


def test_signal_during_the_import_ends_the_work_after_it(module):
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_here()
        module.add(1, 2)
    assert NAME in sys.modules


def test_call_uses_the_current_function_of_the_module(module, monkeypatch):
    add = module.add
    assert add(1, 2) == 3
    monkeypatch.setattr(sys.modules[NAME], "add", lambda left, right: "patched")
    assert add(1, 2) == "patched"


def test_missing_function_is_an_error_of_the_call(module):
    with pytest.raises(AttributeError, match="subtract"):
        module.subtract(1, 2)


def test_special_attributes_are_not_functions(module):
    assert not hasattr(module, "__path__")
