"""demo_pace.py: one item at most, every lost one counted; figures of the last seconds and no others."""

import threading
import time

import pytest


@pytest.fixture(scope="module")
def pace(demo):
    return demo("demo_pace")


def test_the_newest_is_kept_and_the_others_are_counted(pace):
    slot = pace.Latest()
    for item in range(5):
        slot.put(item)
    assert (slot.take(0), slot.dropped) == (4, 4)
    assert slot.take(0) is None
    slot.put("next")
    assert (slot.take(0), slot.dropped) == ("next", 4)


def test_take_waits_and_no_longer_than_told(pace):
    slot = pace.Latest()
    threading.Timer(0.05, slot.put, ["late"]).start()
    assert slot.take(5) == "late"
    start = time.perf_counter()
    assert slot.take(0.05) is None and 0.04 < time.perf_counter() - start < 1


def test_nothing_is_lost_uncounted_between_threads(pace):
    slot, taken = pace.Latest(), []
    writer = threading.Thread(target=lambda: [slot.put(number) for number in range(20_000)])
    writer.start()
    while writer.is_alive() or len(taken) + slot.dropped < 20_000:
        item = slot.take(0.01)
        if item is not None:
            taken.append(item)
    writer.join()
    assert len(taken) + slot.dropped == 20_000 and taken == sorted(taken) and taken[-1] == 19_999


def test_rate_and_medians(pace):
    figures = pace.Figures()
    assert figures.rate_hz(0.0) is None and figures.medians_ms(0.0) == {}
    for number, took in enumerate([1.0, 100.0, 2.0, 3.0, 4.0]):
        figures.add(number * 0.25, {"invoke": took, "capture": 2 * took})
    assert figures.rate_hz(1.0) == pytest.approx(4.0)
    assert figures.medians_ms(1.0) == {"invoke": 3.0, "capture": 6.0}


def test_the_past_is_forgotten(pace):
    figures = pace.Figures()
    figures.add(0.0, {"invoke": 100.0})
    figures.add(pace.WINDOW_S + 0.1, {"invoke": 1.0})
    assert figures.medians_ms(pace.WINDOW_S + 0.1) == {"invoke": 1.0}
    assert figures.rate_hz(pace.WINDOW_S + 0.1) is None
    assert figures.medians_ms(3 * pace.WINDOW_S) == {}
