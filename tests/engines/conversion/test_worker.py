"""worker.py: one child for all tasks, started anew after a crash, and what is said of its end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from edgetl.core.errors import DataError, InternalError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.engines.conversion import worker
from edgetl.engines.conversion.worker import Bounds, TaskFailed, Worker, explain_end, read_message
from edgetl.engines.processes.child import make_child_command
from tests.fixtures.runs import PROJECT
from tests.fixtures.signals import interrupt_later

# A child that does what its task says, without the imports of the real one.
CHILD = """
import json, os, signal, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    task = order["task"]
    with open(order["log"], "a") as log:
        log.write(task.get("print", ""))
    for count in task.get("steps", []):
        print(json.dumps({"step": count}), flush=True)
    if "signal" in task:
        os.kill(os.getpid(), task["signal"])
    if "exit" in task:
        os._exit(task["exit"])
    time.sleep(task.get("sleep", 0))
    print(json.dumps(task.get("message", {"done": os.getpid()})), flush=True)
"""


@pytest.fixture
def make_worker(monkeypatch):
    """Return a function that makes a worker with the child above; its arguments are the bounds."""
    popen, workers = worker.subprocess.Popen, []

    def start(command, **options):
        assert command[:5] == make_child_command("edgetl.engines.conversion")
        return popen([sys.executable, "-c", CHILD], **options)

    monkeypatch.setattr(worker.subprocess, "Popen", start)

    def make(**bounds):
        workers.append(Worker(Bounds(**bounds)))
        return workers[-1]

    yield make
    for each in workers:
        each.stop()


def test_one_child_runs_all_tasks(make_worker):
    one = make_worker()
    one.start()
    steps = []
    child = one.run({"steps": [1, 2]}, steps.append)
    assert steps == [1, 2] and one.run({}) == child != os.getpid()


def test_a_crash_is_explained_and_the_next_task_has_a_new_child(make_worker):
    one = make_worker()
    child = one.run({})
    with pytest.raises(TaskFailed, match=r"^crashed \(SIGSEGV\)$"):
        one.run({"signal": signal.SIGSEGV})
    assert one.run({}) != child


def test_a_child_that_has_ended_between_two_tasks_is_started_anew(make_worker):
    one = make_worker()
    child = one.run({})
    os.kill(child, signal.SIGKILL)
    time.sleep(0.1)
    assert one.run({}) != child


@pytest.mark.parametrize("before", [None, "/first"])
def test_a_child_with_another_environment_is_started_anew(make_worker, monkeypatch, before):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if before:
        monkeypatch.setenv("XDG_CACHE_HOME", before)
    one = make_worker()
    child = one.run({})
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert one.run({}) != child


def test_a_child_is_started_anew_when_a_variable_is_removed(make_worker, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = make_worker()
    child = one.run({})
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert one.run({}) != child


def test_a_child_that_was_started_before_the_imports_of_this_process_stays(tmp_path):
    code = (
        "from edgetl.engines.conversion import worker\n"
        "worker.make_child_command = lambda *a: ['cat']\n"
        "one = worker.Worker()\n"
        "one.start()\n"
        "child = one._child.pid\n"
        "import edgetl.stages.score, edgetl.stages.train\n"
        "one.start()\n"
        "print(one._child.pid == child)\n"
        "one.stop()\n"
    )
    # Not the environment of this process: its imports may have set the variables already.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "True\n"


def test_what_libraries_print_goes_to_standard_error(make_worker, capsys):
    make_worker().run({"print": "a warning\n"})
    assert capsys.readouterr().err == "a warning\n"


def test_a_child_without_progress_is_ended(make_worker):
    with pytest.raises(TaskFailed, match="made no progress for 1 s"):
        make_worker(silent_s=1).run({"sleep": 60})


def test_an_interrupt_ends_the_child(make_worker):
    one = make_worker()
    child = one.run({})
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        one.run({"sleep": 60})
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.parametrize(
    ("exit_code", "text", "reason"),
    [
        (-signal.SIGSEGV, "", "crashed (SIGSEGV)"),
        (-signal.SIGABRT, "", "crashed (SIGABRT)"),
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'", "ran out of memory"),
        (-signal.SIGABRT, "[low_level_alloc.cc : 599] RAW: mmap error: 12", "ran out of memory"),
        (-signal.SIGKILL, "", "ran out of memory"),
        (1, "", "ended the process with exit code 1"),
        (0, "", "ended the process with exit code 0"),
    ],
)
def test_end_of_the_child_is_explained(exit_code, text, reason):
    assert explain_end(exit_code, text) == reason


def test_errors_of_the_child_are_raised():
    assert read_message("done", [1]) == [1]
    with pytest.raises(DataError, match="no photo") as caught:
        read_message("error", ["DataError", "no photo", ["a"], "a hint"])
    assert (caught.value.where, caught.value.hint) == (("a",), "a hint")
    with pytest.raises(StageError):
        read_message("error", ["StageError", "a fault", [], ""])
    with pytest.raises(InternalError, match="KeyError: 1") as defect:
        read_message("defect", "KeyError: 1")
    assert "a defect of edgetl" in defect.value.hint
    with pytest.raises(TaskFailed, match="failed: ValueError") as failure:
        read_message("failure", {"reason": "failed: ValueError: x", "complete": False, "hint": ""})
    assert not failure.value.out_of_memory


def test_the_memory_of_the_machine_is_the_bound(make_worker, monkeypatch):
    commands = []
    popen = worker.subprocess.Popen
    monkeypatch.setattr(
        worker.subprocess, "Popen", lambda command, **options: commands.append(command) or popen(command, **options)
    )
    monkeypatch.setattr(worker.machine, "count_memory_bytes", lambda: 12345)
    make_worker().start()
    make_worker(memory_bytes=99, idle_s=7).start()
    assert [command[-2:] for command in commands] == [["12345", "600"], ["99", "7"]]
