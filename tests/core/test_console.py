"""console.py: plain for files, quiet when told, and everything that libraries write lands in the log."""

import io
import os
import re
import subprocess
import sys
import textwrap

import pytest

from edgetl.core import console
from edgetl.core.console import Console, build_table, create_terminal


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def said(stream: io.StringIO, *, quiet: bool = False) -> str:
    console = Console(quiet=quiet, stream=stream)
    console.say("news [red]as it is[/red] 12")
    console.warn("careful")
    console.error("wrong", ["here", "there"], "do this")
    console.build_table("title", ["name", "n"], [["a", "1"]])
    with console.step("training"):
        console.say("inside")
    with console.bar("photos", 3, "photos") as bar:
        for _ in range(3):
            bar.advance(note="loss 0.31")
    return stream.getvalue()


def test_plain_when_not_a_terminal():
    text = said(io.StringIO())
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


def test_colours_and_bars_on_a_terminal():
    text = said(Terminal())
    assert "\x1b[" in text and "loss 0.31" in text and "3/3" in text
    # The bar is gone when it is full: its line is erased at the end.
    assert text.rindex("\x1b[2K") > text.rindex("3/3")


def test_no_colour_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in said(Terminal()) and "\x1b[1;31m" not in Terminal().getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_keeps_warnings_and_errors(stream):
    text = re.sub(r"\x1b\[[\d;]*m", "", said(stream, quiet=True))
    assert text == "warning: careful\nerror: wrong\n  at here\n  at there\n  hint: do this\n"


def test_long_lines_are_not_broken():
    stream = io.StringIO()
    path = "/a-long-path" * 40
    Console(stream=stream).error("wrong", [path])
    assert f"  at {path}\n" in stream.getvalue()


def test_a_failed_step_is_not_said_to_be_done():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Console(stream=stream).step("training"):
        raise ValueError("broken")
    assert stream.getvalue() == "• training\n"


def test_no_hint_no_line():
    stream = io.StringIO()
    Console(stream=stream).error("wrong")
    assert stream.getvalue() == "error: wrong\n"


def test_a_bar_goes_when_its_work_fails():
    stream = Terminal()
    with pytest.raises(ValueError, match="broken"), Console(stream=stream).bar("photos", 3, "photos") as bar:
        bar.advance()
        raise ValueError("broken")
    assert stream.getvalue().rstrip("\n").endswith(("\x1b[2K", "\x1b[?25h"))


def test_tables_keep_every_cell():
    stream = io.StringIO()
    rows = [["x" * 150, "1"], ["[bold]kept[/bold]", "22"]]
    Console(stream=stream).table("[title]", ["[column]", "n"], rows)
    text = stream.getvalue()
    assert text.count("x") == 150
    assert "[bold]kept[/bold]" in text and "[title]" in text and "[column]" in text


def test_numbers_are_set_to_the_right():
    made = build_table("", ["name", "n", "mixed"], [["a", "+1.5", "1"], ["b", "-2", "x"], ["c", "3 %", "2"]])
    assert [column.justify for column in made.columns] == ["left", "right", "left"]
    assert made.title is None
    assert [column.justify for column in build_table("", ["n"], []).columns] == ["left"]


def in_a_process(tmp_path, body: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a program in which `logged` is imported and `path` is the log; give what it printed, and the log."""
    path = tmp_path / "log.txt"
    head = (
        "import os, sys, subprocess\n"
        "from pathlib import Path\n"
        "from edgetl.core.console import redirect_output\n"
        f"path = Path({str(path)!r})\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", head + textwrap.dedent(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done, path.read_text(encoding="utf-8") if path.exists() else ""


def test_logged_catches_every_way_to_write_and_restores(tmp_path):
    body = """
    print("before")
    with redirect_output(path) as real:
        os.write(1, b"C stdout\\n")
        os.write(2, b"C stderr\\n")
        print("py stdout")
        print("py stderr", file=sys.stderr)
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        real.write("for people ☼\\n")
    os.write(1, b"after 1\\n")
    os.write(2, b"after 2\\n")
    print("after 3")
    """
    done, log = in_a_process(tmp_path, body)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "before\nafter 1\nafter 3\n"
    assert done.stderr == "for people ☼\nafter 2\n"
    assert sorted(log.splitlines()) == ["C stderr", "C stdout", "child", "py stderr", "py stdout"]


def test_logged_restores_after_an_error_and_appends(tmp_path):
    body = """
    for number in range(2):
        try:
            with redirect_output(path):
                print("inside", number)
                raise ValueError
        except ValueError:
            print("outside", number)
    """
    done, log = in_a_process(tmp_path, body)
    assert done.stdout == "outside 0\noutside 1\n" and done.stderr == ""
    assert log == "inside 0\ninside 1\n"


def test_logged_leaves_no_descriptor_open(tmp_path):
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
    done, _ = in_a_process(tmp_path, body)
    assert done.stdout == "0\n0\n", done.stderr


def test_logged_restores_when_the_disk_is_full(tmp_path):
    body = """
    try:
        with redirect_output(Path("/dev/full")):
            print("lost")
    except OSError as error:
        os.write(2, error.strerror.encode())
    os.write(1, b"seen")
    os._exit(0)
    """
    done, _ = in_a_process(tmp_path, body)
    assert (done.stdout, done.stderr) == ("seen", "No space left on device")


def test_nobody_watches_a_file():
    with Console(stream=io.StringIO()).bar("photos", 3, "photos") as bar:
        assert bar.progress is None
    with Console(stream=Terminal()).bar("photos", 3, "photos") as bar:
        assert bar.progress is not None


def test_tables_in_files_may_be_wider():
    assert create_terminal(io.StringIO()).width == 120 and create_terminal(Terminal()).width == 80


def test_a_step_worth_telling_says_its_seconds(monkeypatch):
    clock = iter([100.0, 103.04])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Console(stream=stream).step("training"):
        pass
    assert stream.getvalue() == "• training\n  done in 3.0 s\n"
