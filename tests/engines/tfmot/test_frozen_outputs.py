"""frozen_outputs.py: an output that is kept is computed once, within the budget, and leaves no file."""

import errno
import os

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.storage.feature_store import locate_feature_store
from edgetl.engines.tfmot.frozen_outputs import FrozenOutputs, ScaledPhotos

PHOTOS = {key: np.full((4, 4, 3), value, np.uint8) for value, key in enumerate("abcde")}
# Two float32 values.
ROW_BYTES = 8


@pytest.fixture
def computed(tmp_path, monkeypatch) -> list[int]:
    """The numbers of photos for which outputs are computed; the cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return []


def make_outputs(computed: list[int], keys: str, budget_bytes: int = 1000) -> FrozenOutputs:
    def compute(pixels: np.ndarray) -> np.ndarray:
        computed.append(len(pixels))
        return np.float32([[photo.mean(), 0.5] for photo in pixels])

    return FrozenOutputs(compute, (2,), keys, budget_bytes)


def read(outputs: FrozenOutputs, keys: str) -> list[float]:
    return outputs.make(list(keys), lambda: np.stack([PHOTOS[key] for key in keys]))[:, 0].tolist()


def test_kept_outputs_are_computed_once(computed):
    outputs = make_outputs(computed, "abcde")
    for _ in range(3):
        assert read(outputs, "abc") == [0, 1, 2] and read(outputs, "ee") == [4, 4]
    assert read(outputs, "ceba") == [2, 4, 1, 0], "in another order, from both batches"
    assert computed == [3, 2] and outputs.kept_bytes == 5 * ROW_BYTES


def test_all_photos_of_a_batch_are_computed_if_one_is_not_kept(computed):
    outputs = make_outputs(computed, "ab")
    assert read(outputs, "ab") == [0, 1]
    assert read(outputs, "abc") == [0, 1, 2] and read(outputs, "abc") == [0, 1, 2]
    assert computed == [2, 3, 3]


def test_outputs_beyond_the_budget_are_computed_each_time(computed):
    outputs = make_outputs(computed, "abcde", budget_bytes=3 * ROW_BYTES - 1)
    assert outputs.kept_bytes == 2 * ROW_BYTES
    for _ in range(2):
        assert read(outputs, "ab") == [0, 1] and read(outputs, "cd") == [2, 3]
    assert computed == [2, 2, 2]


def test_equal_photos_are_kept_once(computed):
    assert make_outputs(computed, "aabba").kept_bytes == 2 * ROW_BYTES


def test_nothing_is_kept_without_a_budget(computed):
    outputs = make_outputs(computed, "ab", budget_bytes=0)
    assert read(outputs, "ab") == read(outputs, "ab") == [0, 1]
    assert computed == [2, 2] and outputs.kept_bytes == 0


def test_returned_outputs_are_a_copy(computed):
    outputs = make_outputs(computed, "ab")
    read(outputs, "ab")
    outputs.make(list("ab"), lambda: np.empty(0))[:] = 9
    assert read(outputs, "ab") == [0, 1]


def test_the_temporary_file_has_no_name(computed):
    outputs = make_outputs(computed, "ab")
    assert read(outputs, "ab") == [0, 1] and list(locate_feature_store().iterdir()) == []


def test_a_full_disk_is_an_error_before_anything_is_written(computed, monkeypatch):
    def fail(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(ConfigError, match="the disk is full"):
        make_outputs(computed, "ab")


def test_scaled_photos_are_scaled_each_time():
    inputs = ScaledPhotos(lambda pixels: pixels / 2)
    assert inputs.make(["b"], lambda: PHOTOS["b"][None])[0, 0, 0].tolist() == [0.5, 0.5, 0.5]
