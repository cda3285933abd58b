"""demo_pace.py: the slot contains one item and counts the replaced ones; statistics are those of the last seconds."""

import threading
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def demo_pace(import_payload):
    return import_payload("demo_pace")


def test_slot_keeps_the_newest_item_and_counts_the_dropped_ones(demo_pace):
    slot = demo_pace.LatestSlot()
    for item in range(5):
        slot.put(item)
    assert (slot.take(0), slot.dropped) == (4, 4)
    assert slot.take(0) is None
    slot.put("next")
    assert (slot.take(0), slot.dropped) == ("next", 4)


def test_take_waits_for_an_item(demo_pace):
    slot = demo_pace.LatestSlot()
    items = []
    reader = threading.Thread(target=lambda: items.append(slot.take(60)))
    reader.start()
    assert items == []
    slot.put("late")
    reader.join(60)
    assert items == ["late"]


def test_take_waits_no_longer_than_the_timeout(demo_pace, monkeypatch):
    timeouts = []

    class RecordingCondition(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            timeouts.append(timeout)
            return super().wait_for(predicate, timeout)

    monkeypatch.setattr(demo_pace, "threading", SimpleNamespace(Condition=RecordingCondition))
    assert demo_pace.LatestSlot().take(0.05) is None
    assert timeouts == [0.05]


def test_every_item_is_taken_or_counted_between_threads(demo_pace):
    slot, taken = demo_pace.LatestSlot(), []
    writer = threading.Thread(target=lambda: [slot.put(number) for number in range(20_000)])
    writer.start()
    while writer.is_alive() or len(taken) + slot.dropped < 20_000:
        item = slot.take(0.01)
        if item is not None:
            taken.append(item)
    writer.join()
    assert len(taken) + slot.dropped == 20_000 and taken == sorted(taken) and taken[-1] == 19_999


def test_rate_and_medians_are_those_of_the_added_frames(demo_pace):
    latencies = demo_pace.RecentLatencies()
    assert latencies.compute_rate_hz(0.0) is None and latencies.compute_medians_ms(0.0) == {}
    for number, invoke_ms in enumerate([1.0, 100.0, 2.0, 3.0, 4.0]):
        latencies.add(number * 0.25, {"invoke": invoke_ms, "capture": 2 * invoke_ms})
    assert latencies.compute_rate_hz(1.0) == pytest.approx(4.0)
    assert latencies.compute_medians_ms(1.0) == {"invoke": 3.0, "capture": 6.0}


def test_frames_older_than_the_window_do_not_count(demo_pace):
    latencies = demo_pace.RecentLatencies()
    latencies.add(0.0, {"invoke": 100.0})
    now_s = demo_pace.WINDOW_S + 0.1
    latencies.add(now_s, {"invoke": 1.0})
    assert latencies.compute_medians_ms(now_s) == {"invoke": 1.0}
    assert latencies.compute_rate_hz(now_s) is None
    assert latencies.compute_medians_ms(3 * demo_pace.WINDOW_S) == {}
