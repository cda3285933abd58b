"""task_outcome.py: errors of a task reach the process that waits, with their class, places and hint."""

import pytest

from edgetl.core.errors import ConfigError, DataError, EdgetlError, InternalError, StageError
from edgetl.core.execution.task_outcome import read_outcome, run_named_task


def fail(shared, argument):
    raise argument


def multiply(shared, argument):
    return shared * argument


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """This module, by its name: pytest imports it under another one."""
    import sys

    monkeypatch.setitem(sys.modules, "tasks_of_this_test", sys.modules[__name__])


def test_result_is_that_of_the_function():
    assert read_outcome(run_named_task("tasks_of_this_test:multiply", 3, 4)) == 12


@pytest.mark.parametrize("kind", [ConfigError, DataError, StageError, EdgetlError])
def test_error_keeps_its_class_and_its_parts(kind):
    outcome = run_named_task("tasks_of_this_test:fail", None, kind("no", where=["there"], hint="do"))
    with pytest.raises(kind, match="no") as error:
        read_outcome(outcome)
    assert type(error.value) is kind and error.value.where == ("there",) and error.value.hint == "do"


def test_error_of_another_class_has_that_of_its_parent():
    with pytest.raises(EdgetlError, match="defect"):
        read_outcome(run_named_task("tasks_of_this_test:fail", None, InternalError("defect")))


def test_unexpected_exception_is_an_error_with_the_traceback_in_the_log(capsys):
    with pytest.raises(StageError, match="a task failed: ZeroDivisionError: by nothing") as error:
        read_outcome(run_named_task("tasks_of_this_test:fail", None, ZeroDivisionError("by nothing")))
    assert error.value.where == ("tasks_of_this_test:fail",)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_function_that_does_not_exist_is_an_error():
    with pytest.raises(StageError, match="AttributeError"):
        read_outcome(run_named_task("edgetl.core.machine:fly", None, None))
