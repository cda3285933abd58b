"""The error boundary: each way in which a command ends has its exit code, and no traceback reaches the user."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from edgetl import cli
from edgetl.cli import app as app_module
from edgetl.core.errors import ConfigError, ContractBroken, DataError, StageError
from tests.fixtures.runs import list_times, stop_build


@pytest.fixture
def run_raising(monkeypatch):
    """Return a function that runs a command line whose command raises an exception; it returns the exit code."""

    def run(error: BaseException) -> int:
        def raise_error(*_, **__):
            raise error

        monkeypatch.setattr(app_module, "app", raise_error)
        return cli.run([])

    return run


def test_version_is_printed(capsys):
    assert cli.run(["--version"]) == 0
    assert re.fullmatch(r"(\d+\.\d+.*|absent)\n", capsys.readouterr().out)


def test_help_lists_the_commands(capsys):
    assert cli.run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and all(re.search(rf"\b{name}\b", out) for name in ("build", "train", "verify", "doctor"))


def test_help_is_printed_without_arguments(capsys):
    assert cli.run([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: edgetl" in out + err and "error" not in err.lower()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContractBroken("int8 loses 5 points", hint="--limit-drop"), 1),
        (ConfigError("unknown base", where=("recipe.toml",), hint="did you mean mobilenet?"), 2),
        (DataError("no photos"), 2),
        (StageError("the converter failed"), 3),
    ],
)
def test_error_is_printed_with_place_and_hint_and_has_its_exit_code(run_raising, capsys, error, code):
    assert run_raising(error) == code == error.exit_code
    out, err = capsys.readouterr()
    expected = [f"error: {error.message}", *(f"  at {place}" for place in error.where)]
    assert out == "" and err.splitlines() == expected + ([f"  hint: {error.hint}"] if error.hint else [])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_interrupt_has_exit_code_130_and_says_how_to_continue(run_raising, capsys, error):
    assert run_raising(error) == 130
    assert "interrupted: the same command continues" in capsys.readouterr().err


def test_interrupt_that_typer_caught_has_exit_code_130(monkeypatch, capsys):
    monkeypatch.setattr(app_module, "app", lambda *_, **__: 130)
    assert cli.run([]) == 130 and "interrupted" in capsys.readouterr().err


def test_full_disk_has_a_hint(run_raising, capsys):
    assert run_raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/run/model")) == 2
    err = capsys.readouterr().err
    assert "the disk is full" in err and "at /run/model: " in err and "free some space" in err


def test_file_error_names_the_file_and_what_to_do(run_raising, capsys):
    assert run_raising(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/run")) == 2
    err = capsys.readouterr().err
    assert "error: permission denied" in err and "at /run" in err and "chmod u+rwX /run" in err and "--out" in err


def test_exit_of_a_command_keeps_its_code(run_raising):
    assert run_raising(typer.Exit(2)) == 2


def test_unexpected_exception_is_a_defect_with_a_log(run_raising, capsys):
    assert run_raising(ZeroDivisionError("division by zero")) == 3
    err = capsys.readouterr().err
    assert "error: ZeroDivisionError: division by zero" in err and "Traceback" not in err
    log = Path(re.search(r"log: (\S+)", err)[1])
    assert "Traceback" in log.read_text()
    log.unlink()


@pytest.mark.parametrize(
    ("context", "code"), [(BrokenPipeError(), 0), (PermissionError(), 3)], ids=["closed pipe", "other"]
)
def test_only_a_closed_pipe_ends_the_output_without_an_error(monkeypatch, capsys, context, code):
    """Typer exits in both cases; the exception that it handled is the context of its SystemExit."""

    def exit_while_handling(*_, **__):
        try:
            raise context
        except OSError:
            sys.exit(1)

    monkeypatch.setattr(app_module, "app", exit_while_handling)
    assert cli.run([]) == code
    err = capsys.readouterr().err
    assert (err == "") if code == 0 else ("SystemExit: 1" in err)


def test_pipe_that_is_closed_early_is_not_an_error(edgetl):
    with subprocess.Popen(edgetl.command("bases"), stdout=subprocess.PIPE, env=edgetl.environment()) as child:
        assert child.stdout is not None
        child.stdout.close()
    assert child.returncode == 0


def test_exit_code_and_error_leave_the_process(edgetl):
    done = edgetl("build", ".", "--base", "mobilnet_v2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: unknown base 'mobilnet_v2'" in done.stderr and "did you mean mobilenet_v2" in done.stderr


def test_defect_inside_a_build_is_in_the_log_of_its_run_folder(edgetl, photos, tmp_path):
    program = """
import sys
from edgetl import cli
from edgetl.pipeline import build
build.run_build = lambda *_: 1 / 0
sys.exit(cli.run(sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, "build", str(photos), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=edgetl.environment(), check=False)
    log = tmp_path / "run" / "log.txt"
    assert (done.returncode, done.stdout) == (3, "")
    assert "ZeroDivisionError: division by zero" in done.stderr and "Traceback" not in done.stderr
    assert f"log: {log}" in done.stderr and "Traceback" in log.read_text()


# Wrong command lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", ".", "--base", "mobilnet_v2"], "did you mean mobilenet_v2"),
        (["build", ".", "--method", "int9"], "did you mean int8"),
        (["build", ".", "--target", "tflight"], "did you mean tflite"),
        (["build", ".", "--target", "tflite", "--target", "tflight"], "did you mean tflite"),
        (["build", ".", "--target", "tflite", "--target", "tflite"], "a target is given twice"),
        (["build", ".", "--recipe", "clasic"], "did you mean classic"),
        (["build", ".", "--recipe", "key.toml"], "did you mean epochs"),
        (["build", ".", "--recipe", "table.toml"], "phase1"),
        (["build", ".", "--recipe", "gone.toml"], "no such recipe file"),
        (["build", ".", "--alpha", "-1"], "--alpha must be greater than 0, not -1"),
        (["build", ".", "--side", "8"], "--side must be at least 32, not 8"),
        (["build", ".", "--learning-rate", "nan"], "--learning-rate must be a finite number"),
        (["build", ".", "--photos", "."], "PHOTOS and --photos are both given"),
        (["train", ".", "--fit", "squeeze"], "--fit must be crop, stretch or pad, not 'squeeze'"),
        (["build", "--epoch", "3"], "--epochs"),
        (["build", ".", "--alpha", "wide"], "--alpha"),
        (["biuld"], "build"),
        (["targets", "raspbery"], "unknown target"),
        (["verify"], "nothing to verify"),
        (["verify", "run", "--photos", "."], "not both"),
        (["verify", "gone"], "give the folder that edgetl build wrote"),
        (["convert", "gone"], "give the folder that edgetl build wrote"),
        (["bench", "gone", "--soak", "-1"], "--soak"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_command_line_is_an_error_before_anything_is_made(capfd, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "key.toml").write_text("[phase1]\nepoch = 3\n")
    (tmp_path / "table.toml").write_text("[phase]\nepochs = 3\n")
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    out, err = capfd.readouterr()
    assert out == "" and message in err and "Traceback" not in err
    assert not (tmp_path / "edgetl-runs").exists()


def test_absent_photos_are_an_error_with_the_expected_layout(capfd, tmp_path):
    assert cli.run(["build", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "does not exist" in err and "one folder per class" in err and "Traceback" not in err


def test_path_that_is_not_utf8_is_refused(tmp_path, capsys):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/photos-\xff"))
    folder.mkdir()
    assert cli.run(["build", str(folder)]) == 2
    assert "PHOTOS is not UTF-8" in capsys.readouterr().err
    assert cli.run(["recipe", "--weights", os.fsdecode(b"\xff.h5")]) == 2
    assert "--weights is not UTF-8" in capsys.readouterr().err


# Interrupted builds


def test_interrupted_build_leaves_nothing_unfinished(built_by_cli):
    process, files = built_by_cli.interrupted.process, built_by_cli.interrupted.files
    assert process.returncode == 130 and process.stdout == "" and "Traceback" not in process.stderr
    assert "interrupted: the same command continues" in process.stderr
    assert not [name for name in files if name.startswith("train/") or ".tmp" in name]
    assert built_by_cli.interrupted.decoded


@pytest.mark.slow
def test_killed_build_keeps_the_stages_that_were_finished(edgetl, photos, recipe_file, tmp_path):
    """That a killed build can be continued is in tests/core/run/test_run_folder.py, without a model."""
    arguments = ("build", str(photos), "--recipe", str(recipe_file), "--out", str(tmp_path / "run"), "--json")
    process = stop_build(edgetl, arguments, signal.SIGKILL, XDG_CACHE_HOME=str(tmp_path / "cache"))
    files = list_times(tmp_path / "run")
    assert process.returncode == -signal.SIGKILL
    assert "ingest/ingest.json" in files and not [name for name in files if name.startswith("train/")]


def test_build_continues_after_it_was_interrupted(built_by_cli):
    process, files = built_by_cli.finished.process, built_by_cli.finished.files
    assert process.returncode == 0, process.stderr
    assert "train/train.json" in files and not [name for name in files if ".tmp" in name]
    # The photos are not decoded again.
    assert built_by_cli.finished.decoded == built_by_cli.interrupted.decoded
    # The log has the epochs of the finished training, and not those of the others.
    assert len((built_by_cli.run / "train" / "log.csv").read_text().splitlines()) == 1 + 3 + 1
