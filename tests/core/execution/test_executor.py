"""executor.py: a task is a function that other processes can import."""

import pytest

from edgetl.core.execution.executor import TaskSpec
from edgetl.core.machine import count_cores


def test_name_is_module_and_function():
    assert TaskSpec(function=count_cores).name == "edgetl.core.machine:count_cores"


@pytest.mark.parametrize("function", [lambda shared, argument: None, TaskSpec.__init__])
def test_function_that_cannot_be_imported_is_refused(function):
    with pytest.raises(ValueError, match="no function of a module"):
        _ = TaskSpec(function=function).name
