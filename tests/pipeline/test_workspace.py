"""The run folder of a command: its lock, its log, and the errors that name the log."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from edgetl import cli
from edgetl.core.errors import ConfigError, DataError, InternalError, StageError
from edgetl.core.interrupt import Interrupted
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline import workspace
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


def test_file_error_is_not_a_defect(tmp_path):
    with pytest.raises(FileNotFoundError), open_workspace(tmp_path / "run", quiet=True):
        (tmp_path / "absent").read_bytes()


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


@pytest.mark.parametrize("command", ["build", "train", "convert", "verify", "bundle", "bench"])
def test_run_folder_in_use_is_refused_by_every_command(tmp_path, plain_order, capfd, command):
    run = tmp_path / "run"
    arguments = [str(plain_order.photos), "--out", str(run)] if command in ("build", "train") else [str(run)]
    with open_run(run):
        save_order(plain_order, run)
        assert cli.run([command, *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == "" and f"another build (process {os.getpid()}) uses this run folder" in err


def test_reopened_run_has_the_pipeline_of_its_target(tmp_path, plain_order):
    with open_run(tmp_path / "run"):
        save_order(plain_order, tmp_path / "run")
    with reopen(tmp_path / "run", "", quiet=True) as pipeline:
        assert pipeline.target.id == "tflite" and pipeline.context.order == plain_order
    with pytest.raises(ConfigError, match="not built for target 'onnx'"), reopen(tmp_path / "run", "onnx", quiet=True):
        pass


def test_folder_that_is_not_a_run_cannot_be_reopened(tmp_path):
    with pytest.raises(ConfigError) as caught, reopen(tmp_path, "", quiet=True):
        pass
    assert caught.value.hint == "give the folder that edgetl build wrote"
    assert list(tmp_path.iterdir()) == []
