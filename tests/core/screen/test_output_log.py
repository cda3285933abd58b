"""output_log.py: the output of libraries is in the log, in order with what edgetl prints, and nowhere else."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.screen.output_log import redirect_output
from tests.fixtures.special_files import SPECIAL_FILES, make_special


def run_program(tmp_path, body: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a program in which `redirect_output` is imported and `path` is the log. Return the process and the log."""
    path = tmp_path / "log.txt"
    head = (
        "import os, sys, subprocess\n"
        "from pathlib import Path\n"
        "from edgetl.core.screen.output_log import append_to_log, redirect_output\n"
        f"path = Path({str(path)!r})\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", head + textwrap.dedent(body)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return completed, path.read_text(encoding="utf-8") if path.exists() else ""


def test_redirection_catches_output_of_c_code_python_and_children(tmp_path):
    body = """
    print("before")
    with redirect_output(path) as real_stderr:
        os.write(1, b"C stdout\\n")
        os.write(2, b"C stderr\\n")
        print("py stdout")
        print("py stderr", file=sys.stderr)
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        real_stderr.write("for the user ☼\\n")
    os.write(1, b"after 1\\n")
    os.write(2, b"after 2\\n")
    print("after 3")
    """
    completed, log = run_program(tmp_path, body)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == "before\nafter 1\nafter 3\n"
    assert completed.stderr == "for the user ☼\nafter 2\n"
    assert sorted(log.splitlines()) == ["C stderr", "C stdout", "child", "py stderr", "py stdout"]


def test_redirection_ends_after_an_error_and_appends_to_the_log(tmp_path):
    body = """
    for number in range(2):
        try:
            with redirect_output(path):
                print("inside", number)
                raise ValueError
        except ValueError:
            print("outside", number)
    """
    completed, log = run_program(tmp_path, body)
    assert completed.stdout == "outside 0\noutside 1\n" and completed.stderr == ""
    assert log == "inside 0\ninside 1\n"


def test_redirection_leaves_no_descriptor_open(tmp_path):
    body = """
    count = lambda: len(os.listdir("/proc/self/fd"))
    before = count()
    with redirect_output(path):
        pass
    print(count() - before)
    try:
        with redirect_output(path / "absent"):
            pass
    except OSError:
        print(count() - before)
    """
    completed, _ = run_program(tmp_path, body)
    assert completed.stdout == "0\n0\n", completed.stderr


def test_redirection_ends_even_if_the_log_cannot_grow(tmp_path):
    body = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        with redirect_output(path):
            print("lost")
    except OSError as error:
        os.write(2, error.strerror.encode())
    os.write(1, b"visible")
    os._exit(0)
    """
    completed, _ = run_program(tmp_path, body)
    assert (completed.stdout, completed.stderr) == ("visible", "File too large")


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_output_is_not_written_to_a_special_file(tmp_path, kind):
    with pytest.raises(ConfigError, match=SPECIAL_FILES[kind]), redirect_output(make_special(kind, tmp_path)):
        pytest.fail("the block must not run")


def test_lines_of_edgetl_and_of_libraries_are_in_order(tmp_path):
    body = """
    with redirect_output(path):
        print("py stdout")
        append_to_log("edgetl 1\\nedgetl 2")
        print("py stderr", file=sys.stderr)
        os.write(1, b"C stdout\\n")
        append_to_log("☼ \\udcff")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        append_to_log("edgetl 4")
    """
    completed, log = run_program(tmp_path, body)
    assert completed.returncode == 0, completed.stderr
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "
    lines = log.splitlines()
    expected = [
        "py stdout",
        "T edgetl 1",
        "T edgetl 2",
        "py stderr",
        "C stdout",
        r"T ☼ \udcff",
        "child",
        "T edgetl 4",
    ]
    assert [re.sub(f"^{time}", "T ", line) for line in lines] == expected


def test_warnings_of_python_are_in_the_log(tmp_path):
    body = """
    import warnings
    with redirect_output(path):
        warnings.warn("old function", DeprecationWarning, stacklevel=1)
        warnings.warn("strange value", stacklevel=1)
    """
    completed, log = run_program(tmp_path, body)
    assert completed.stderr == "" and "UserWarning: strange value" in log


def test_streams_that_are_no_files_are_redirected_too(tmp_path):
    """In a notebook, sys.stderr sends what it gets to the browser."""
    body = """
    import io
    notebook = io.StringIO()
    sys.stdout = sys.stderr = notebook
    with redirect_output(path):
        print("library")
        print("warning", file=sys.stderr)
        append_to_log("edgetl")
    print("after")
    sys.__stdout__.write(notebook.getvalue())
    """
    completed, log = run_program(tmp_path, body)
    assert completed.stdout == "after\n" and completed.stderr == ""
    lines = log.splitlines()
    assert lines[:2] == ["library", "warning"] and lines[2].endswith(" edgetl")
