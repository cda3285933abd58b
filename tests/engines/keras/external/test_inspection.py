"""The first load of a model: in a child process that ends with a sentence when its memory or its time is used up."""

import os
import signal
import subprocess
import time

import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.engines.keras.external import inspection
from edgetl.engines.keras.external.inspection import Limits, inspect_model
from tests.engines.keras.external import hostile_files
from tests.engines.keras.external.hostile_files import DECLARED
from tests.fixtures.signals import interrupt_later


def test_side_of_a_valid_model_is_returned(valid_model):
    info = inspect_model(valid_model)
    assert (info.height_px, info.width_px, info.outputs) == (32, 32, 3)


@pytest.mark.parametrize("name", ["PyTorch", "10**12 units"])
def test_refused_file_starts_no_process(name, valid_model, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "_run_child", lambda *_: pytest.fail("a process was started"))
    with pytest.raises(ConfigError):
        inspect_model(DECLARED[name][0](valid_model, tmp_path / "model.keras"))


@pytest.fixture
def end_child(monkeypatch):
    """Return a function that lets the child end with an exit code and a report."""

    def end(exit_code: int, report: str | None = None) -> None:
        def run(path, folder, limits):
            if report is not None:
                (folder / inspection.RESULT).write_text(report)
            return exit_code

        monkeypatch.setattr(inspection, "_run_child", run)

    return end


@pytest.mark.parametrize(
    ("exit_code", "report", "match"),
    [
        (0, '{"message": "OOM", "hint": "", "out_of_memory": true}', "needs more memory"),
        (0, '{"message": "the model has 2 inputs", "hint": "a hint", "out_of_memory": false}', "has 2 inputs"),
        (-signal.SIGABRT, None, "ended with SIGABRT, as it does when its memory is used up"),
        (-signal.SIGKILL, None, "ended with SIGKILL"),
        (-signal.SIGXCPU, None, "takes longer"),
        (-signal.SIGALRM, None, "takes longer"),
    ],
)
def test_end_of_the_child_is_explained(end_child, valid_model, exit_code, report, match):
    end_child(exit_code, report)
    with pytest.raises(ConfigError, match=match) as caught:
        inspect_model(valid_model)
    assert caught.value.where[0] == str(valid_model) and caught.value.hint
    if report is None:
        assert caught.value.where[1] == "limit: 8 GiB of memory and 120 s of processor time"


def test_child_that_cannot_start_is_an_error(end_child, valid_model):
    end_child(1)
    with pytest.raises(StageError, match="ended with exit code 1"):
        inspect_model(valid_model)


def test_interruption_ends_the_child(valid_model, monkeypatch):
    children = []
    start = inspection.subprocess.Popen

    def interrupt(self):
        children.append(self)
        if len(children) == 1:
            raise KeyboardInterrupt
        return wait(self)

    wait = start.wait
    monkeypatch.setattr(start, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        inspect_model(valid_model)
    assert children[0].returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(children[0].pid, 0)


def test_signal_ends_the_child(valid_model, tmp_path, monkeypatch):
    popen = subprocess.Popen
    monkeypatch.setattr(inspection.subprocess, "Popen", lambda _, **rest: popen(["/bin/sleep", "600"], **rest))
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        inspection._run_child(valid_model, tmp_path, Limits())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["write_large_activations", "hide_terabytes"])
def test_model_that_needs_too_much_memory_is_refused(name, valid_model, tmp_path):
    path = getattr(hostile_files, name)(valid_model, tmp_path / "model.keras")
    assert path.stat().st_size < 3_000_000
    with pytest.raises(ConfigError, match="memory") as caught:
        inspect_model(path)
    assert "8 GiB of memory" in caught.value.where[1]


@pytest.mark.slow
def test_model_that_takes_too_long_is_refused(valid_model, tmp_path):
    path = hostile_files.write_calls_of_calls(valid_model, tmp_path / "model.keras")
    start = time.monotonic()
    with pytest.raises(ConfigError, match="takes longer than a model made elsewhere may take") as caught:
        inspect_model(path, Limits(processor_s=1))
    assert "1 s of processor time" in caught.value.where[1] and time.monotonic() - start < 300
