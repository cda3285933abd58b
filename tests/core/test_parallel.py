"""parallel.py: predictions are in photo order for every number of photos and cores, and for threads of any speed."""

import threading
import time

import numpy as np
import pytest

from edgetl.core import machine
from edgetl.core.parallel import (
    BatchPlan,
    join_outputs,
    predict_in_batches,
    predict_in_parallel,
    predict_one_by_one,
    prepare_ahead,
    split_outputs,
)
from tests.fixtures.photos import ArrayPixels


@pytest.mark.parametrize("cores", [1, 2, 3, 7])
@pytest.mark.parametrize("photos", [1, 3, 4, 5, 50])
def test_parallel_predictions_are_in_photo_order(monkeypatch, cores, photos):
    monkeypatch.setattr(machine, "count_cores", lambda: cores)
    threads = min(cores, -(-photos // 4))
    calls = []
    others_finished = threading.Semaphore(0)

    def predict_chunks(chunks):
        calls.append(chunks)
        # The thread of the first photo finishes last.
        if chunks[0][0] == 0:
            for _ in range(threads - 1):
                assert others_finished.acquire(timeout=10)
        else:
            others_finished.release()
        return [chunk[:, None] * 2.0 for chunk in chunks]

    raw = predict_in_parallel(photos, predict_chunks)
    assert np.array_equal(raw[:, 0], np.arange(photos) * 2.0)
    assert len(calls) == threads


def test_joined_outputs_are_stacked_and_split_again():
    outputs = [(np.uint8([row, 3]), np.float32([row / 3])) for row in range(40)]
    joined = predict_in_parallel(
        40, lambda chunks: [np.stack([join_outputs(outputs[row]) for row in chunk]) for chunk in chunks]
    )
    first, second = split_outputs(joined)
    assert (first.dtype, second.dtype) == (np.uint8, np.float32)
    assert np.array_equal(first, [output[0] for output in outputs])
    assert np.array_equal(second, [output[1] for output in outputs])


def test_error_in_a_thread_is_raised():
    def predict_chunks(_):
        raise ValueError("no such model")

    with pytest.raises(ValueError, match="no such model"):
        predict_in_parallel(3, predict_chunks)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("photos", [1, 3, 4, 5, 8, 41])
def test_batches_have_one_size_and_results_only_of_the_photos(photos, threads):
    sizes, advanced = [], []

    def predict_rows(rows):
        sizes.append(len(rows))
        assert rows.max() < photos
        return rows[:, None] * 2.0

    outputs = predict_in_batches(BatchPlan(count=photos, size=4, threads=threads), predict_rows, advanced.append)
    assert np.array_equal(outputs[:, 0], np.arange(photos) * 2.0)
    assert set(sizes) == {4} and sum(advanced) == photos


def test_first_batch_is_predicted_alone():
    """A function that compiles itself on its first call must not do so in several threads."""
    running, most = [], []

    def predict_rows(rows):
        running.append(rows[0])
        most.append((rows[0], len(running)))
        time.sleep(0.01)
        running.remove(rows[0])
        return rows

    predict_in_batches(BatchPlan(count=12, size=2, threads=4), predict_rows)
    assert most[0] == (0, 1) and min(place for place, (row, _) in enumerate(most) if row > 0) == 1
    assert max(count for _, count in most) > 1


def test_error_in_a_batch_ends_the_others():
    calls = []

    def predict_rows(rows):
        calls.append(rows[0])
        if rows[0] == 2:
            raise ValueError("no memory")
        time.sleep(0.01)
        return rows

    with pytest.raises(ValueError, match="no memory"):
        predict_in_batches(BatchPlan(count=200, size=1, threads=2), predict_rows)
    assert len(calls) < 20


def test_photos_of_a_thread_are_predicted_one_by_one():
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    shapes, counts = [], []

    def predict_photo(photo):
        shapes.append(photo.shape)
        return photo[0, 0, 0, :2] * 10

    chunks = [np.array([3, 4]), np.array([1])]
    outputs = predict_one_by_one(ArrayPixels(images), chunks, predict_photo, counts.append)
    assert [rows.tolist() for rows in outputs] == [[[30, 30], [40, 40]], [[10, 10]]]
    assert shapes == [(1, 2, 2, 3)] * 3 and counts == [2, 1]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_prepared_items_are_in_order(count):
    assert list(prepare_ahead(range(count), lambda item: item * 10)) == [item * 10 for item in range(count)]


def test_next_item_is_prepared_while_the_last_one_is_used():
    started = {item: threading.Event() for item in range(4)}
    prepared = prepare_ahead(range(4), lambda item: started[item].set() or item)
    for item in prepared:
        assert item == 3 or started[item + 1].wait(5)
        # One at a time: the memory of more batches is not needed.
        assert item > 1 or not started[item + 2].is_set()


def test_error_of_an_item_is_raised_in_its_place():
    prepared = prepare_ahead([1, 0, 2], lambda item: 1 / item)
    assert next(prepared) == 1
    with pytest.raises(ZeroDivisionError):
        next(prepared)
