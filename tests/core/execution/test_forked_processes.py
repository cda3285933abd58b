"""forked_processes.py: tasks run in other processes, a few at a time."""

import os
import sys
from collections.abc import Iterator

import pytest

from edgetl.core.errors import DataError, EdgetlError
from edgetl.core.execution.executor import TaskSpec
from edgetl.core.execution.forked_processes import ForkedProcesses


def multiply(shared: int, argument: int) -> tuple[int, int]:
    return shared * argument, os.getpid()


def fail_at_three(shared: None, argument: int) -> int:
    if argument == 3:
        raise DataError("three", where=["here"], hint="none")
    return argument


def end_process(shared: None, argument: int) -> None:
    os._exit(1)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def test_each_argument_has_a_result_from_another_process():
    results = dict(ForkedProcesses(2).run(TaskSpec(function=multiply, shared=3), range(10)))
    assert {position: value for position, (value, _) in results.items()} == {n: 3 * n for n in range(10)}
    processes = {process for _, process in results.values()}
    assert os.getpid() not in processes and len(processes) <= 2


def test_arguments_are_read_while_tasks_run():
    read = []

    def list_arguments() -> Iterator[int]:
        for number in range(50):
            read.append(number)
            yield number

    results = ForkedProcesses(2).run(TaskSpec(function=multiply, shared=1), list_arguments())
    next(results)
    assert len(read) <= 4
    assert len(list(results)) == 49


def test_error_of_a_task_is_raised():
    with pytest.raises(DataError, match="three") as error:
        list(ForkedProcesses(2).run(TaskSpec(function=fail_at_three), range(20)))
    assert error.value.where == ("here",)


def test_process_that_ends_is_an_error_with_a_hint():
    with pytest.raises(EdgetlError, match="a process that ends itself was killed") as error:
        list(ForkedProcesses(1).run(TaskSpec(function=end_process, title="ends itself"), range(2)))
    assert "memory" in error.value.hint
