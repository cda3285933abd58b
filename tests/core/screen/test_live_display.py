"""live_display.py: the overall line above the innermost task, at 80 and 60 columns, with a clock set by hand."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console as RichConsole

from edgetl.core.screen.live_display import LiveDisplay, can_redraw
from edgetl.core.screen.progress_line import Task
from edgetl.core.screen.step_plan import PlannedStep, StepPlan


class Screen:
    """A display on a stream of a given width, and a clock that is set by hand."""

    def __init__(self, width: int, encoding: str = "utf-8"):
        self.now_s = 0.0
        self.bytes = io.BytesIO()
        file = io.TextIOWrapper(self.bytes, encoding=encoding, write_through=True)
        self.rich = RichConsole(file=file, width=width, color_system=None)
        self.display = LiveDisplay(self.rich, lambda: self.now_s)

    def read(self) -> list[str]:
        """Return the lines that are drawn now."""
        self.bytes.seek(0)
        self.bytes.truncate()
        self.rich.print(self.display)
        return self.bytes.getvalue().decode(self.rich.file.encoding).splitlines()


def train_half(screen: Screen) -> list[str]:
    """Draw a build in the middle of its phase 2."""
    plan = StepPlan(
        [PlannedStep("train"), PlannedStep("convert-a", certain=False)],
        {"train": 200.0, "convert-a": 30.0},
        lambda: screen.now_s,
    )
    plan.begin("train")
    bar = Task("phase 2, top of the base", 100.0, total=240, unit="steps")
    with (
        screen.display.show_plan(plan),
        screen.display.show_task(Task("train mobilenet_v2", 0.0, expected_s=200.0)),
        screen.display.show_task(bar),
    ):
        screen.now_s = 160.0
        screen.display.advance(bar, 120, "loss 0.310")
        return screen.read()


def test_rest_of_a_step_without_a_known_duration_is_at_least_that_of_its_bar():
    screen = Screen(80)
    plan = StepPlan([PlannedStep("train")], clock=lambda: screen.now_s)
    plan.begin("train")
    bar = Task("phase 1", 0.0, total=10, unit="steps")
    with screen.display.show_plan(plan), screen.display.show_task(bar):
        screen.now_s = 10.0
        screen.display.advance(bar, 5)
        assert screen.read()[0] == "step 1 of 1, 0:10 elapsed, about 0:10 left"
    step = Task("train", 0.0)
    with screen.display.show_plan(plan), screen.display.show_task(step), screen.display.show_task(bar):
        assert screen.read()[0] == "step 1 of 1, 0:10 elapsed, at least 0:10 left"


def test_lines_of_80_columns():
    assert train_half(Screen(80)) == [
        "step 1 of about 2, 2:40 elapsed, about 1:30 left",
        "⠋ phase 2, top of the base  ━━━━━━───────  120/240 steps  1:00 left  loss 0.310",
    ]


def test_lines_of_60_columns():
    assert train_half(Screen(60)) == [
        "step 1 of about 2, 2:40 elapsed, about 1:30 left",
        "⠋ phase 2, top of…  ━━━━───  120/240  1:00 left  loss 0.310",
    ]


@pytest.mark.parametrize("width", [20, 40])
def test_narrow_lines_are_not_wrapped(width):
    lines = train_half(Screen(width))
    assert len(lines) == 2 and all(len(line) < width for line in lines)


def test_terminal_without_unicode():
    assert all(line.isascii() for line in train_half(Screen(60, encoding="ascii")))


def test_innermost_task_is_shown():
    screen = Screen(60)
    with screen.display.show_task(Task("train", 0.0)):
        assert "train" in screen.read()[0]
        with screen.display.show_task(Task("photos", 0.0)):
            assert "photos" in screen.read()[0] and len(screen.read()) == 1
        assert "train" in screen.read()[0]
    assert screen.read() == [""]


def test_lines_are_erased_at_the_end_and_drawn_once_for_nested_blocks(monkeypatch):
    for name in ("NO_COLOR", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    file = io.StringIO()
    display = LiveDisplay(RichConsole(file=file, force_terminal=True, width=60))
    with (
        pytest.raises(ValueError, match="broken"),
        display.show_plan(StepPlan()),
        display.show_task(Task("train", 0.0)),
    ):
        raise ValueError("broken")
    # The cursor is hidden and shown once: rich draws one display.
    assert file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h") == 1
    assert file.getvalue().rindex("\x1b[2K") > file.getvalue().rindex("step 1")


def test_files_and_dumb_terminals_are_not_redrawn(monkeypatch):
    monkeypatch.delenv("TTY_INTERACTIVE", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not can_redraw(RichConsole(file=io.StringIO(), force_terminal=True))
    assert not can_redraw(RichConsole(file=io.StringIO()))
    monkeypatch.setenv("TERM", "xterm")
    assert can_redraw(RichConsole(file=io.StringIO(), force_terminal=True))


def test_threads_share_one_drawing(monkeypatch):
    """Devices are measured in threads, and each shows what it does."""
    monkeypatch.delenv("TTY_INTERACTIVE", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    file = io.StringIO()
    display = LiveDisplay(RichConsole(file=file, force_terminal=True, width=60))
    barrier = threading.Barrier(4)

    def measure(number: int) -> None:
        with display.show_task(Task(f"device {number}", 0.0)):
            barrier.wait(10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(measure, range(4)))
    assert file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h") == 1
