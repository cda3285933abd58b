"""progress_line.py: at any width the line fits and contains the time left, at the speed that was measured."""

import itertools

import pytest
from rich.cells import cell_len

from edgetl.core.screen.progress_line import ASCII, Task, draw_task, format_duration


def make_half_done(**changes) -> Task:
    task = Task(**{"title": "phase 2, top of the base", "start_s": 100.0, "total": 240, "unit": "steps"} | changes)
    task.advance(120, 160.0)
    return task


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3723, "1:02:03"), (90000, "25:00:00")],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_line_of_80_columns():
    task = make_half_done()
    assert draw_task(task, 160.0, 80).plain == (
        "⠋ phase 2, top of the base  ━━━━━━━━━━━━━─────────────  120/240 steps  1:00 left"
    )
    task.note = "loss 0.310  accuracy 0.900"
    assert draw_task(task, 160.0, 80).plain == (
        "⠋ phase 2, top of…  ━━━━━━──────  120/240  1:00 left  loss 0.310  accuracy 0.900"
    )


def test_line_of_60_columns():
    task = make_half_done(note="loss 0.310  accuracy 0.900")
    assert draw_task(task, 160.0, 60).plain == ("⠋ phase 2, top of the base  ━━━━━━──────  120/240  1:00 left")


@pytest.mark.parametrize("width", range(14, 130, 3))
@pytest.mark.parametrize("title", ["ranges", "train mobilenet_v2 (alpha 0.35, 64 px) on 751 photos", "百合" * 20])
def test_time_left_stays_at_every_width(width, title):
    task = make_half_done(title=title, note="loss 0.310  accuracy 0.900")
    line = draw_task(task, 160.0, width).plain
    assert cell_len(line) <= width and "1:00 left" in line


def test_parts_are_left_out_in_their_order():
    """The unit first, then the note, the bar and the count. The title is shortened before each."""
    task = make_half_done(note="loss 0.310")
    shortest = {}
    for width in range(120, 12, -1):
        line = draw_task(task, 160.0, width).plain
        for part in ("steps", "loss", "━", "120/240"):
            if part in line:
                shortest[part] = width
    assert list(shortest.values()) == sorted(shortest.values(), reverse=True)


def test_speed_is_that_of_the_last_half_minute():
    """The first step of a training takes longer than the others, and must not count for ever."""
    task = Task(title="phase 2", start_s=0.0, total=100, unit="steps")
    task.advance(1, 20.0)
    assert task.estimate_left_s(20.0) == 99 * 20
    for step in range(40):
        task.advance(1, 21.0 + step)
    assert task.estimate_left_s(60.0) == pytest.approx(59, rel=0.05)
    # It decreases between two steps, and is never negative.
    assert task.estimate_left_s(70.0) == pytest.approx(49, rel=0.05)
    assert task.estimate_left_s(600.0) == 0


def test_no_number_is_invented():
    task = Task(title="convert to int8 TFLite", start_s=0.0)
    assert task.estimate_left_s(5.0) is None and task.compute_share(5.0) is None
    line = draw_task(task, 5.0, 80).plain
    assert line.endswith("  0:05 so far") and "left" not in line
    counted = Task(title="Keras", start_s=0.0, total=200, unit="photos")
    assert draw_task(counted, 5.0, 80).plain.endswith("0/200 photos  0:05 so far")


def test_bar_moves_where_no_end_is_known():
    task = Task(title="convert", start_s=0.0)
    bars = [draw_task(task, now / 4, 80).plain[2:] for now in range(8)]
    assert all(left != right for left, right in itertools.pairwise(bars))
    assert len({bar.count("━") for bar in bars}) == 1


def test_earlier_duration_is_the_estimate_until_it_is_over():
    task = Task(title="convert", start_s=0.0, expected_s=20.0)
    assert draw_task(task, 5.0, 80).plain.endswith("0:15 left")
    assert task.compute_share(5.0) == 0.25
    assert draw_task(task, 25.0, 80).plain.endswith("0:25 so far")
    # Counted units are more exact than the duration of an earlier run.
    task.total = 10
    task.advance(5, 10.0)
    assert task.estimate_left_s(10.0) == 10.0 and task.compute_share(10.0) == 0.5


def test_title_and_note_are_escaped():
    task = Task(title="\x1b[31mred", start_s=0.0, note="\u202e")
    line = draw_task(task, 1.0, 80).plain
    assert "\x1b" not in line and r"\x1b[31mred" in line and r"\u202e" in line


def test_terminal_without_unicode_has_other_symbols():
    line = draw_task(make_half_done(title="phase 2, top of the base " * 3), 160.0, 60, ASCII).plain
    assert line.isascii() and "##" in line
