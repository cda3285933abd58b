"""console.py: plain lines in files, warnings and errors when quiet, and the output of libraries in the log."""

import io
import os
import re
import sys
from pathlib import Path

import pytest

from edgetl.core.console import Console, build_table, colour_outcome, create_terminal, get_table_width, print_rows
from edgetl.core.screen.output_log import redirect_output
from edgetl.core.screen.step_plan import PlannedStep, StepPlan


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


def test_long_step_prints_its_duration():
    clock = iter([100.0, 103.04])
    stream = io.StringIO()
    with Console(stream=stream, clock=lambda: next(clock)).step("training"):
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


def test_bars_are_shown_on_terminals_only(monkeypatch):
    with Console(stream=io.StringIO()).bar("photos", 3, "photos") as bar:
        assert bar.display is None
    with Console(stream=Terminal()).bar("photos", 3, "photos") as bar:
        assert bar.display is not None
    # A dumb terminal cannot move its cursor.
    monkeypatch.setenv("TERM", "dumb")
    with Console(stream=Terminal()).bar("photos", 3, "photos") as bar:
        assert bar.display is None


def test_dumb_terminal_gets_plain_text(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    text = print_everything(Terminal())
    assert "\x1b" not in text and "\r" not in text and "loss 0.31" not in text


def test_overall_line_is_shown_above_the_step_on_terminals_only():
    plan = StepPlan([PlannedStep("train"), PlannedStep("bundle-a")])
    for stream in (Terminal(), io.StringIO()):
        console = Console(stream=stream)
        with console.follow(plan), console.step("training"), console.bar("photos", 3, "photos") as bar:
            bar.advance(3)
        text = stream.getvalue()
        assert ("step 1 of 2" in text) == stream.isatty()
    assert text == "• training\n"


def test_libraries_cannot_print_through_the_terminal():
    """rich replaces sys.stderr while it draws, unless it is told not to: text of libraries would not reach the log."""
    before = sys.stdout, sys.stderr
    with Console(stream=Terminal()).bar("photos", 3, "photos"):
        assert (sys.stdout, sys.stderr) == before


def test_tables_in_files_print_every_cell_in_full():
    stream = io.StringIO()
    rows = [["x" * 150, "1"], ["[bold]text[/bold]", "22"]]
    Console(stream=stream).table("[title]", ["[column]", "n"], rows)
    text = stream.getvalue()
    assert "x" * 150 in text and "[bold]text[/bold]" in text and "[title]" in text and "[column]" in text


def test_tables_fit_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    print_rows(
        create_terminal(stream), "a title of more than 40 cells is wrapped, too", ["a", "b"], [["x", "word " * 20]]
    )
    lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
    assert max(map(len, lines)) <= 40 and lines[0] == "a title of more than 40 cells is"
    assert get_table_width(create_terminal(stream)) == 40 and get_table_width(create_terminal(io.StringIO())) is None


def test_table_has_a_bold_title_and_heading():
    table = build_table("title", ["name"], [["a"], ["PASS"]], None)
    assert table.plain == "title\nname\na\nPASS"
    assert sorted({(span.start, span.end, str(span.style)) for span in table.spans}) == [
        (0, 5, "bold"),
        (6, 10, "bold"),
        (13, 17, "bold green"),
    ]


@pytest.mark.parametrize(
    ("line", "coloured"),
    [
        ("PASS: int8 predicts", {"PASS": "bold green"}),
        ("FAIL: int8 predicts", {"FAIL": "bold red"}),
        ("UNDECIDED: 12 more photos", {"UNDECIDED": "bold yellow"}),
        ("pi  12.0 ms  INVALID", {"INVALID": "bold red"}),
        ("the PASS is closed", {}),
        ("FAILURE", {}),
        ("", {}),
    ],
)
def test_outcomes_are_coloured(line, coloured):
    text = colour_outcome(line)
    assert {line[span.start : span.end]: str(span.style) for span in text.spans} == coloured


def test_verdict_is_coloured_on_terminals_only(monkeypatch):
    for stream in (Terminal(), io.StringIO()):
        Console(stream=stream).say("PASS: int8")
        assert stream.getvalue() == ("\x1b[1;32mPASS\x1b[0m: int8\n" if stream.isatty() else "PASS: int8\n")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Console(stream=stream).say("PASS: int8")
    assert "\x1b[1;32m" not in stream.getvalue()


def test_sentences_are_wrapped_at_spaces_on_terminals_only(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        Console(stream=stream).say("  drop +0.12 points, limit 2; broke 3, fixed 1", wrap=True)
    assert terminal.getvalue() == "  drop +0.12 points, limit\n    2; broke 3, fixed 1\n"
    assert file.getvalue() == "  drop +0.12 points, limit 2; broke 3, fixed 1\n"


@pytest.mark.parametrize("hostile", ["\x1b[31m", "\x9b2J", "a\rb", "a\nPASS: b", "\u202ecod", "\udcff"])
@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_untrusted_text_is_escaped_in_every_way_out(monkeypatch, stream_type, hostile):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    stream = stream_type()
    console = Console(stream=stream).labelled(f"{hostile} ")
    console.say(hostile)
    console.say(f"x {hostile}", wrap=True)
    console.warn(hostile)
    console.error(hostile, [hostile], hostile)
    console.table(hostile, [hostile], [[hostile]])
    with console.step(hostile), console.bar(hostile, 2, hostile) as bar:
        bar.advance(note=hostile)
    text = re.sub(r"\x1b\[(\d+(;\d+)*)?[mKA]|\x1b\[\?25[lh]|\r(?=\x1b)|\r?\n", "", stream.getvalue())
    assert hostile not in stream.getvalue()
    assert text.isprintable(), repr(text)
    escaped = hostile.encode("unicode_escape").decode()
    assert text.count(escaped) >= 12


def test_lines_are_logged_with_the_time_and_without_colours(tmp_path):
    stream, path = Terminal(), tmp_path / "log.txt"
    with redirect_output(path):
        console = Console(stream=stream, logged=True)
        print_lines(console)
        console.log_error("ended", ["there"], "do that")
        quiet = Console(stream=stream, logged=True, quiet=True)
        quiet.say("quiet")
        quiet.table("quiet", ["column"], [["cell"]])
    log = path.read_text(encoding="utf-8")
    assert "\x1b" not in log and "ended" not in stream.getvalue()
    assert [line[20:] for line in log.splitlines()] == [
        "news",
        "warning: careful",
        "error: wrong",
        "  at here",
        "title",
        "name  n",
        "a     1",
        "• training",
        "✓ training  0.0 s",
        "error: ended",
        "  at there",
        "  hint: do that",
        "quiet",
        "quiet",
        "column",
        "cell",
    ]


def print_lines(console: Console) -> None:
    console.say("news")
    console.warn("careful")
    console.error("wrong", ["here"])
    console.table("title", ["name", "n"], [["a", "1"]])
    with console.step("training"):
        pass


def test_full_disk_of_the_log_is_told_once_and_ends_nothing():
    stream = io.StringIO()
    with Path("/dev/full").open("w") as full:
        saved = os.dup(2)
        os.dup2(full.fileno(), 2)
        try:
            console = Console(stream=stream, logged=True)
            console.say("one")
            console.say("two")
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    assert stream.getvalue() == "one\nwarning: log.txt cannot be written: No space left on device\ntwo\n"
