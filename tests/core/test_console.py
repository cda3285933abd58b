"""console.py: plain lines in files, warnings and errors when quiet, and the output of libraries in the log."""

import io
import os
import re
import subprocess
import sys
import textwrap

import pytest

from edgetl.core import console
from edgetl.core.console import Console, build_table, create_terminal
from edgetl.core.errors import ConfigError
from tests.fixtures.special_files import SPECIAL_FILES, make_special


class Terminal(io.StringIO):
    """A stream that is a terminal for rich."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def print_everything(stream: io.StringIO, *, quiet: bool = False) -> str:
    console = Console(quiet=quiet, stream=stream)
    console.say("news [red]as it is[/red] 12")
    console.warn("careful")
    console.error("wrong", ["here", "there"], "do this")
    console.table("title", ["name", "n"], [["a", "1"]])
    with console.step("training"):
        console.say("inside")
    with console.bar("photos", 3, "photos") as bar:
        for _ in range(3):
            bar.advance(note="loss 0.31")
    return stream.getvalue()


def test_output_to_a_file_is_plain():
    text = print_everything(io.StringIO())
    assert "\x1b" not in text and "\r" not in text
    assert text.splitlines()[:5] == [
        "news [red]as it is[/red] 12",
        "warning: careful",
        "error: wrong",
        "  at here",
        "  at there",
    ]
    assert "  hint: do this\n" in text and "title\n" in text
    assert text.endswith("• training\ninside\n")
    assert "loss 0.31" not in text


def test_output_to_a_terminal_has_colours_and_bars():
    text = print_everything(Terminal())
    assert "\x1b[" in text and "loss 0.31" in text and "3/3" in text
    # A full bar disappears: its line is erased at the end.
    assert text.rindex("\x1b[2K") > text.rindex("3/3")


def test_no_color_is_respected(monkeypatch):
    assert "\x1b[1;31m" in print_everything(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    text = print_everything(Terminal())
    assert "\x1b[31m" not in text and "\x1b[1;31m" not in text


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_console_prints_warnings_and_errors_only(stream):
    text = re.sub(r"\x1b\[[\d;]*m", "", print_everything(stream(), quiet=True))
    assert text == "warning: careful\nerror: wrong\n  at here\n  at there\n  hint: do this\n"


def test_long_lines_are_not_wrapped():
    stream = io.StringIO()
    path = "/a-long-path" * 40
    Console(stream=stream).error("wrong", [path])
    assert f"  at {path}\n" in stream.getvalue()


def test_labelled_console_prints_to_the_same_stream():
    stream = io.StringIO()
    labelled = Console(stream=stream).labelled("• pi: ")
    labelled.say("set up")
    labelled.warn("hot")
    assert stream.getvalue() == "• pi: set up\nwarning: hot\n"
    assert Console(stream=stream, quiet=True).labelled("x").quiet


def test_failed_step_prints_no_duration():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Console(stream=stream).step("training"):
        raise ValueError("broken")
    assert stream.getvalue() == "• training\n"


def test_long_step_prints_its_duration(monkeypatch):
    clock = iter([100.0, 103.04])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Console(stream=stream).step("training"):
        pass
    assert stream.getvalue() == "• training\n  done in 3.0 s\n"


def test_error_without_hint_prints_no_hint_line():
    stream = io.StringIO()
    Console(stream=stream).error("wrong")
    assert stream.getvalue() == "error: wrong\n"


def test_bar_disappears_when_its_block_fails():
    stream = Terminal()
    with pytest.raises(ValueError, match="broken"), Console(stream=stream).bar("photos", 3, "photos") as bar:
        bar.advance()
        raise ValueError("broken")
    assert stream.getvalue().rstrip("\n").endswith(("\x1b[2K", "\x1b[?25h"))


def test_bars_are_shown_on_terminals_only():
    with Console(stream=io.StringIO()).bar("photos", 3, "photos") as bar:
        assert bar.progress is None
    with Console(stream=Terminal()).bar("photos", 3, "photos") as bar:
        assert bar.progress is not None


def test_tables_print_every_cell_in_full():
    stream = io.StringIO()
    rows = [["x" * 150, "1"], ["[bold]text[/bold]", "22"]]
    Console(stream=stream).table("[title]", ["[column]", "n"], rows)
    text = stream.getvalue()
    assert text.count("x") == 151  # One more in "text".
    assert "[bold]text[/bold]" in text and "[title]" in text and "[column]" in text


def test_columns_of_numbers_are_aligned_to_the_right():
    table = build_table("", ["name", "n", "mixed"], [["a", "+1.5", "1"], ["b", "-2", "x"], ["c", "3 %", "2"]])
    assert [column.justify for column in table.columns] == ["left", "right", "left"]
    assert table.title is None
    assert [column.justify for column in build_table("", ["n"], []).columns] == ["left"]


def test_tables_in_files_are_wider_than_on_a_terminal():
    assert create_terminal(io.StringIO()).width == 120 and create_terminal(Terminal()).width == 80


def run_program(tmp_path, body: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a program in which `redirect_output` is imported and `path` is the log. Return the process and the log."""
    path = tmp_path / "log.txt"
    head = (
        "import os, sys, subprocess\n"
        "from pathlib import Path\n"
        "from edgetl.core.console import redirect_output\n"
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
    with pytest.raises(ConfigError, match=SPECIAL_FILES[kind]), console.redirect_output(make_special(kind, tmp_path)):
        pytest.fail("the block must not run")
