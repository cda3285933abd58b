"""launcher.py: the messages of the child process reach the listener, and its errors the user."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import Any

import pytest

from edgetl.core.errors import DataError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.progress import TrainingListener
from edgetl.engines.tfmot import launcher
from tests.fixtures.signals import interrupt_later


@pytest.fixture
def run_program(monkeypatch, tmp_path):
    """Return a function that runs a program in place of the child process and returns the calls of the listener."""

    def run(program):
        calls = []

        @contextmanager
        def start_child(job_folder, results, stderr):
            command = [sys.executable, "-c", program]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as child:
                yield child

        monkeypatch.setattr(launcher, "_start_child", start_child)
        listener = TrainingListener(
            begin=lambda task, steps: calls.append((task, steps)),
            step=lambda count, note: calls.append((count, note)),
            epoch=lambda epoch: calls.append(epoch.validation_accuracy),
            say=calls.append,
        )
        launcher._run_child(tmp_path, tmp_path, listener)
        return calls

    return run


EPOCH = (
    '{"epoch": {"phase": "qat", "epoch": 1, "learning_rate": 1e-5, "loss": 0.5, "accuracy": 0.8, '
    '"validation_loss": 0.4, "validation_accuracy": 0.75, "seconds": 1.5}}'
)


def test_all_messages_reach_the_listener(run_program):
    lines = ['{"begin": ["qat", 4]}', '{"step": [3, "loss 1"]}', EPOCH, '{"say": "well"}', '{"done": true}']
    assert run_program(f"print({chr(10).join(lines)!r})") == [("qat", 4), (3, "loss 1"), 0.75, "well"]


def test_an_error_of_the_child_is_raised_with_its_class(run_program):
    line = '{"error": ["DataError", "photos are gone", ["a", "b"], "run it again"]}'
    with pytest.raises(DataError, match="photos are gone") as caught:
        run_program(f"print({line!r}); raise SystemExit(2)")
    assert (caught.value.where, caught.value.hint) == (("a", "b"), "run it again")


def test_an_exception_in_the_child_is_reported_by_its_last_line(run_program, capsys):
    with pytest.raises(StageError, match="ended with exit code 1: ValueError: no room"):
        run_program("raise ValueError('no room')")
    assert "Traceback" in capsys.readouterr().err, "all of it is in the log"


def test_a_child_that_ends_without_output_is_reported_by_its_exit_code(run_program):
    with pytest.raises(StageError, match="ended with exit code 3: no error message"):
        run_program("import os; os._exit(3)")


def test_a_killed_child_is_reported_with_a_hint_about_memory(run_program):
    program = "import os, signal, sys; print('a warning', file=sys.stderr); os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(StageError, match="was killed") as caught:
        run_program(program)
    assert "the memory probably ran out" in caught.value.hint and "a warning" not in caught.value.message


def test_a_crash_of_the_child_is_reported_by_its_signal(run_program):
    with pytest.raises(StageError, match=r"the child process for Keras 2 crashed \(SIGSEGV\)"):
        run_program("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")


def test_the_child_is_killed_when_the_parent_is_interrupted(tmp_path, monkeypatch):
    popen, children = subprocess.Popen, []
    monkeypatch.setattr(launcher.subprocess, "Popen", lambda command, **rest: popen(["/bin/sleep", "600"], **rest))
    with pytest.raises(KeyboardInterrupt), launcher._start_child(tmp_path, tmp_path, subprocess.DEVNULL) as child:
        children.append(child)
        raise KeyboardInterrupt
    assert children[0].returncode == -9


def test_the_child_is_killed_at_once_by_a_signal(tmp_path, monkeypatch):
    """The main thread waits for a message of the child, which may come after minutes."""
    popen, children = subprocess.Popen, []

    def start_sleep(_: list[str], **rest: Any) -> subprocess.Popen[str]:
        children.append(popen(["/bin/sleep", "600"], **rest))
        return children[-1]

    monkeypatch.setattr(launcher.subprocess, "Popen", start_sleep)
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        launcher._run_child(tmp_path, tmp_path, TrainingListener(begin=print, step=print, epoch=print, say=print))
    # In a group of its own, the child gets no ^C from the terminal.
    assert children[0].returncode == -signal.SIGKILL and children[0].args == ["/bin/sleep", "600"]


def test_the_child_reads_its_job_and_imports_nothing_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with launcher._start_child(tmp_path, tmp_path, subprocess.PIPE) as child:
        output, errors = child.communicate()
    # There is no job, so it fails behind all imports.
    assert "imported from the current" not in errors
    assert errors.strip().splitlines()[-1].startswith("FileNotFoundError") and "job.json" in errors
    assert child.returncode == 1 and output == ""
