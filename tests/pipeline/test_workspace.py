"""The run folder of a command: its lock, its log, and the errors that name the log."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgetl import cli
from edgetl.core.errors import ConfigError, DataError, InternalError, StageError
from edgetl.core.interrupt import Interrupted
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline import workspace
from edgetl.pipeline.context import SCORING
from edgetl.pipeline.order import save_order
from edgetl.pipeline.workspace import make_internal_error, open_workspace, reopen
from tests.fixtures.signals import interrupt_here


def test_output_of_libraries_goes_to_the_log_and_messages_to_stderr(tmp_path, capfd):
    with open_workspace(tmp_path / "run", quiet=False) as (run, console):
        # As TensorFlow does, past sys.stdout and sys.stderr.
        os.write(1, b"a library on stdout\n")
        os.write(2, b"a library on stderr\n")
        console.say("a message")
    assert run.root == tmp_path / "run"
    out, err = capfd.readouterr()
    assert out == "" and err == "a message\n"
    first, second, message = (tmp_path / "run" / "log.txt").read_text().splitlines()
    assert (first, second) == ("a library on stdout", "a library on stderr")
    # What edgetl prints has the time before it.
    assert message[:2] == "20" and message[19:] == " a message"


def test_error_that_ends_a_command_is_in_the_log(tmp_path):
    with pytest.raises(DataError), open_workspace(tmp_path / "run", quiet=False):
        raise DataError("the photos are wrong", where=["a.jpg"], hint="take others")
    lines = (tmp_path / "run" / "log.txt").read_text().splitlines()
    assert [line[20:] for line in lines] == ["error: the photos are wrong", "  at a.jpg", "  hint: take others"]


def test_quiet_workspace_shows_warnings_only(tmp_path, capfd):
    with open_workspace(tmp_path / "run", quiet=True) as (_, console):
        console.say("a message")
        console.warn("a warning")
    assert capfd.readouterr().err == "warning: a warning\n"


def test_workspace_without_a_folder_is_temporary():
    with open_workspace(None, quiet=True) as (run, _):
        assert run.root.is_dir()
    assert not run.root.exists()


def test_failed_stage_names_the_log(tmp_path):
    with pytest.raises(StageError) as caught, open_workspace(tmp_path / "run", quiet=True):
        raise StageError("the converter failed", where=("model.keras",))
    assert caught.value.where == ("model.keras", f"log: {tmp_path / 'run' / 'log.txt'}")


def test_failed_stage_does_not_name_a_temporary_log():
    with pytest.raises(StageError) as caught, open_workspace(None, quiet=True):
        raise StageError("the converter failed")
    assert caught.value.where == ()


@pytest.mark.parametrize("error", [ConfigError("unknown base"), DataError("no photos")])
def test_wrong_input_does_not_name_the_log(tmp_path, error):
    with pytest.raises(type(error)) as caught, open_workspace(tmp_path / "run", quiet=True):
        raise error
    assert caught.value.where == ()


def test_defect_names_the_log(tmp_path):
    with pytest.raises(InternalError) as caught, open_workspace(tmp_path / "run", quiet=True):
        raise ValueError("first line\nsecond line")
    assert caught.value.message == "ValueError: first line" and caught.value.exit_code == 3
    assert caught.value.where == (f"log: {tmp_path / 'run' / 'log.txt'}",)
    assert isinstance(caught.value.__cause__, ValueError)


def test_exception_of_a_library_is_no_defect_of_edgetl(tmp_path):
    with pytest.raises(InternalError) as caught, open_workspace(tmp_path / "run", quiet=True):
        np.linalg.inv(np.zeros((2, 3)))
    assert caught.value.hint == "numpy failed where edgetl does not expect it: please report it with the log"
    assert "a defect of edgetl" in make_internal_error(ValueError()).hint


def test_file_error_is_not_a_defect(tmp_path):
    with (
        pytest.raises(ConfigError, match="no such file or folder") as caught,
        open_workspace(tmp_path / "run", quiet=True),
    ):
        (tmp_path / "absent").read_bytes()
    assert caught.value.where == (str(tmp_path / "absent"),)


def test_full_disk_names_the_folders_that_are_written(tmp_path, cache):
    with pytest.raises(ConfigError, match="the disk is full") as caught, open_workspace(tmp_path / "run", quiet=True):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    places = [place.partition(": ")[0] for place in caught.value.where]
    assert places[:2] == [str(tmp_path / "run"), str(cache / "edgetl")]


def test_internal_error_without_a_log_writes_one():
    error = make_internal_error(RuntimeError())
    assert error.message == "RuntimeError: " and "please report it" in error.hint
    log = Path(error.where[0].removeprefix("log: "))
    assert log.read_text().endswith("RuntimeError\n")
    log.unlink()


def test_defect_is_reported_even_if_no_log_can_be_written(monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp")

    monkeypatch.setattr(workspace, "NamedTemporaryFile", fail)
    error = make_internal_error(RuntimeError("broken"))
    assert (error.message, error.where) == ("RuntimeError: broken", ("no log: No space left on device",))


@pytest.mark.parametrize("consequence", [StageError("a child was killed"), OSError("a pipe"), ValueError("in C code")])
def test_error_after_a_signal_is_the_interrupt(tmp_path, consequence):
    """A signal also ends children and what libraries do, which then raise errors of their own."""
    with pytest.raises(Interrupted), open_workspace(tmp_path / "run", quiet=True):
        interrupt_here()
        raise consequence
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count(f"{type(consequence).__name__}: {consequence}") == 1
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_signal_in_the_last_step_is_not_lost(tmp_path, capfd):
    with pytest.raises(Interrupted), open_workspace(tmp_path / "run", quiet=False):
        interrupt_here()
        # The sentence is printed by a thread of its own.
        time.sleep(0.1)
    assert "ending after the current step; press ^C again" in capfd.readouterr().err


def test_folder_with_other_files_is_not_used(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="files that edgetl did not write"), open_workspace(tmp_path, quiet=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("command", ["build", "train"])
def test_run_folder_in_use_is_refused_by_commands_that_may_take_another(tmp_path, plain_order, capfd, command):
    run = tmp_path / "run"
    with open_run(run):
        save_order(plain_order, run)
        assert cli.run([command, str(plain_order.photos), "--out", str(run)]) == 2
    out, err = capfd.readouterr()
    assert out == "" and f"another build (process {os.getpid()}" in err and "--out" in err


# Locks a run folder, says so, and releases it when a line comes in.
HOLDER = """
import sys
from pathlib import Path
from edgetl.core.run.run_folder import open_run
with open_run(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("command", ["convert", "verify", "bundle", "bench"])
def test_build_in_a_finished_run_is_waited_for(tmp_path, plain_order, edgetl, command):
    run = tmp_path / "run"
    with open_run(run):
        save_order(plain_order, run)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": edgetl.environment()}
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(run)], **pipes) as holder:
        assert holder.stdout.readline() == "locked\n"
        with edgetl.start(command, run, "--quiet") as waiting:
            line = waiting.stderr.readline()
            assert f"waiting for process {holder.pid}: " in line and f"uses {run}" in line and "^C" in line
            assert "--out" not in line
            # The run folder is in use: nothing is read yet.
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.5)
            holder.communicate("\n")
            out, err = waiting.communicate(timeout=120)
    # Nothing was built there yet.
    assert waiting.returncode == 2 and out == "" and "no finished stage" in err and "edgetl build" in err


def test_waiting_ends_with_an_interrupt(tmp_path, plain_order, edgetl):
    run = tmp_path / "run"
    with open_run(run):
        save_order(plain_order, run)
        with edgetl.start("verify", run) as waiting:
            assert f"waiting for process {os.getpid()}" in waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(60) == 130


def test_run_folder_that_this_process_uses_is_not_waited_for(tmp_path, plain_order):
    with open_run(tmp_path / "run"):
        save_order(plain_order, tmp_path / "run")
        with (
            pytest.raises(ConfigError, match=f"process {os.getpid()}") as caught,
            reopen(tmp_path / "run", "", makes=SCORING, quiet=True),
        ):
            pass
    assert "--out" not in caught.value.hint


def test_run_that_cannot_be_written_has_its_results_elsewhere(tmp_path, plain_order, monkeypatch, capfd):
    with open_run(tmp_path / "run"):
        save_order(plain_order, tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("run"))
    with reopen(tmp_path / "run", "", makes=SCORING, quiet=False) as pipeline:
        output = pipeline.context.run.output
        os.write(2, b"a library\n")
    assert sorted(tmp_path.rglob("*")) == before
    assert (output / "log.txt").read_text().endswith("a library\n")
    assert f"{tmp_path / 'run'} cannot be written: results are in {output}\n" in capfd.readouterr().err
    shutil.rmtree(output)


def test_reopened_run_has_the_pipeline_of_its_target(tmp_path, plain_order):
    with open_run(tmp_path / "run"):
        save_order(plain_order, tmp_path / "run")
    with reopen(tmp_path / "run", "", makes=SCORING, quiet=True) as pipeline:
        assert pipeline.target.id == "tflite" and pipeline.context.order == plain_order
        assert pipeline.context.makes == SCORING
    with (
        pytest.raises(ConfigError, match="not built for target 'onnx'"),
        reopen(tmp_path / "run", "onnx", makes=SCORING, quiet=True),
    ):
        pass


def test_folder_that_is_not_a_run_cannot_be_reopened(tmp_path):
    with pytest.raises(ConfigError) as caught, reopen(tmp_path, "", makes=SCORING, quiet=True):
        pass
    assert caught.value.hint == "give the folder that edgetl build wrote"
    assert list(tmp_path.iterdir()) == []
