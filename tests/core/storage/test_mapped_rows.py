"""mapped_rows.py: rows of several segments are gathered in any order."""

import numpy as np
import pytest

from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.storage import mapped_rows
from edgetl.core.storage.mapped_rows import MappedRows, find_places
from tests.fixtures.signals import interrupt_here

SEGMENTS = [np.arange(6, dtype=np.uint8).reshape(3, 2), np.arange(100, 104, dtype=np.uint8).reshape(2, 2)]


def make_rows(places, opened=None) -> MappedRows:
    def open_segment(number):
        if opened is not None:
            opened.append(number)
        return SEGMENTS[number]

    return MappedRows(open_segment, np.array(places, np.int64).reshape(-1, 2), (2,))


def test_rows_are_gathered_in_the_order_of_the_indices():
    rows = make_rows([(1, 0), (0, 2), (0, 0), (1, 1)])
    assert len(rows) == 4
    gathered = rows.gather([3, 0, 1, 0], np.uint8)
    assert gathered.tolist() == [[102, 103], [100, 101], [4, 5], [100, 101]]
    assert gathered.dtype == np.uint8


def test_rows_are_converted_to_the_dtype_in_a_new_array():
    gathered = make_rows([(0, 0)]).gather(np.array([0]), np.float32)
    gathered += 1
    assert gathered.dtype == np.float32 and gathered.tolist() == [[1, 2]]
    assert SEGMENTS[0][0].tolist() == [0, 1]


def test_no_indices_give_an_empty_array():
    assert make_rows([(0, 0)]).gather([], np.uint8).shape == (0, 2)
    assert len(make_rows([])) == 0


def test_segments_are_opened_once_when_their_rows_are_gathered():
    opened = []
    rows = make_rows([(0, 0), (1, 0), (0, 1)], opened)
    assert opened == []
    rows.gather([0, 2], np.uint8)
    assert opened == [0]
    rows.gather([0, 1, 2], np.uint8)
    assert opened == [0, 1]


def test_next_batch_after_a_signal_is_not_read():
    opened: list[int] = []
    rows = make_rows([(0, 0), (1, 0)], opened)
    with watch_signals():
        rows.gather([0], np.uint8)
        interrupt_here()
        with pytest.raises(Interrupted):
            rows.gather([1], np.uint8)
    assert opened == [0]


def test_number_of_open_segments_is_limited(monkeypatch):
    monkeypatch.setattr(mapped_rows, "_OPEN_SEGMENTS", 1)
    opened = []
    rows = make_rows([(0, 0), (1, 0)], opened)
    for index in (0, 1, 1, 0):
        rows.gather([index], np.uint8)
    assert opened == [0, 1, 0]


def test_places_are_segment_and_row_of_each_key():
    assert find_places(["c", "a", "x"], [["a", "b"], ["c"]]).tolist() == [[1, 0], [0, 0], [-1, -1]]


@pytest.mark.parametrize("segments", [[], [["a"]]])
def test_places_of_no_keys_are_empty(segments):
    places = find_places([], segments)
    assert places.shape == (0, 2) and places.dtype == np.int64
