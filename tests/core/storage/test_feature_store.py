"""featurestore.py: rows computed once, whole or not there."""

import errno
import os

import numpy as np
import pytest

from edgetl.core.errors import EdgetlError
from edgetl.core.storage import feature_store
from edgetl.core.storage.feature_store import FeatureStore

NAMES = [f"{index:064x}" for index in range(5)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def filled(store, names, offset=0):
    with store.adding(names) as rows:
        rows[:] = np.arange(rows.size, dtype=np.float32).reshape(rows.shape) + offset


def test_rows_come_back_in_the_order_asked_for_across_segments():
    store = FeatureStore("key", (2, 3))
    filled(store, NAMES[:2])
    filled(store, NAMES[2:], offset=100)
    features = store.opened([NAMES[3], NAMES[0]])
    assert len(features) == 2
    assert features.rows([1, 0]).tolist() == [[[0, 1, 2], [3, 4, 5]], [[106, 107, 108], [109, 110, 111]]]


def test_missing_names_what_is_absent_and_copies_once():
    store = FeatureStore("key", (1,))
    filled(store, NAMES[:2])
    assert store.missing([NAMES[0], NAMES[4], NAMES[3], NAMES[4]]) == [1, 2]


def test_what_fails_leaves_nothing():
    store = FeatureStore("key", (1,))
    with pytest.raises(RuntimeError), store.adding(NAMES) as rows:
        rows[:] = 1
        raise RuntimeError
    assert store.missing(NAMES) == [0, 1, 2, 3, 4]
    assert not [path for path in feature_store.locate_feature_store().rglob("*") if path.is_file()]


def test_a_segment_cut_short_does_not_count():
    store = FeatureStore("key", (4,))
    filled(store, NAMES)
    (rows,) = feature_store.locate_feature_store().rglob("rows")
    rows.write_bytes(rows.read_bytes()[:-4])
    assert len(store.missing(NAMES)) == 5


def test_keys_do_not_share_rows():
    filled(FeatureStore("one", (1,)), NAMES)
    assert len(FeatureStore("other", (1,)).missing(NAMES)) == 5


def test_the_budget_is_what_was_asked_or_a_tenth_of_the_free_disk(monkeypatch):
    monkeypatch.setattr(feature_store.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert feature_store.compute_budget_bytes(0) == 100
    assert feature_store.compute_budget_bytes(7) == 7


def test_a_full_disk_is_told_before_anything_is_mapped(monkeypatch, tmp_path):
    """Found by a write into the map it would be SIGBUS."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(feature_store.os, "posix_fallocate", full)
    with pytest.raises(EdgetlError, match="the disk is full") as caught, FeatureStore("key", (1,)).adding(NAMES):
        pytest.fail("there was no room")
    assert str(tmp_path) in caught.value.where[0]
    assert not [path for path in feature_store.locate_feature_store().rglob("*") if path.is_file()]


def test_what_a_killed_process_left_is_swept():
    store = FeatureStore("key", (1,))
    filled(store, NAMES[:2])
    left = feature_store.locate_feature_store() / "key" / ".part-left"
    left.mkdir()
    os.utime(left, (1, 1))
    filled(store, NAMES[2:])
    assert not left.exists() and store.missing(NAMES) == []
