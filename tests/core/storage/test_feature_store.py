"""feature_store.py: features are computed once, and a segment is complete or absent."""

import errno
import os

import numpy as np
import pytest

from edgetl.core.errors import DataError, EdgetlError
from edgetl.core.storage import feature_store
from edgetl.core.storage.feature_store import FeatureStore, compute_budget_bytes, locate_feature_store

SHA256S = [f"{index:064x}" for index in range(5)]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def add_numbered_rows(store: FeatureStore, sha256s: list[str], first: int = 0) -> None:
    with store.add_rows(sha256s) as rows:
        rows[:] = np.arange(rows.size, dtype=np.float32).reshape(rows.shape) + first


def list_stored_files() -> list[str]:
    return [path.name for path in locate_feature_store().rglob("*") if path.is_file()]


def test_rows_of_several_segments_are_in_the_requested_order():
    store = FeatureStore("key", (2, 3))
    add_numbered_rows(store, SHA256S[:2])
    add_numbered_rows(store, SHA256S[2:], first=100)
    features = store.open_features([SHA256S[3], SHA256S[0]])
    assert len(features) == 2
    assert features.rows([1, 0]).tolist() == [[[0, 1, 2], [3, 4, 5]], [[106, 107, 108], [109, 110, 111]]]
    assert features.rows([1]).dtype == np.float32


def test_missing_photos_are_listed_once_each():
    store = FeatureStore("key", (1,))
    add_numbered_rows(store, SHA256S[:2])
    assert store.find_missing([SHA256S[0], SHA256S[4], SHA256S[3], SHA256S[4]]) == [1, 2]


def test_failed_block_stores_nothing():
    store = FeatureStore("key", (1,))
    with pytest.raises(RuntimeError), store.add_rows(SHA256S) as rows:
        rows[:] = 1
        raise RuntimeError
    assert store.find_missing(SHA256S) == [0, 1, 2, 3, 4]
    assert list_stored_files() == []


def test_truncated_segment_does_not_count():
    store = FeatureStore("key", (4,))
    add_numbered_rows(store, SHA256S)
    (path,) = locate_feature_store().rglob("rows")
    path.write_bytes(path.read_bytes()[:-4])
    assert len(store.find_missing(SHA256S)) == 5


@pytest.mark.parametrize("name", ["rows", "sha256", "checksums.json"])
@pytest.mark.parametrize("zeroed", [True, False])
def test_damaged_segment_is_dropped_with_a_sentence_and_never_used(name, zeroed):
    warnings = []
    store = FeatureStore("key", (4,), warnings.append)
    add_numbered_rows(store, SHA256S[:3], first=7)
    add_numbered_rows(store, SHA256S[3:])
    path = next(path for path in locate_feature_store().rglob(name) if (path.parent / "rows").stat().st_size == 48)
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)) if zeroed else content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    missing = store.find_missing(SHA256S)
    assert missing == [0, 1, 2]
    if name != "sha256":
        assert len(warnings) == 1 and "features of 3 photos" in warnings[0] and "computed again" in warnings[0]
        assert not path.parent.exists()
    with pytest.raises(DataError, match="not in the cache") as caught:
        store.open_features(SHA256S)
    assert "run the same command again" in caught.value.hint
    add_numbered_rows(store, SHA256S[:3])
    assert store.open_features(SHA256S).rows(range(5))[0].tolist() == [0, 1, 2, 3]


def test_damaged_features_of_other_photos_are_not_read():
    store = FeatureStore("key", (4,), pytest.fail)
    add_numbered_rows(store, SHA256S[:3])
    (path,) = locate_feature_store().rglob("rows")
    path.write_bytes(bytes(48))
    assert store.find_missing(SHA256S[3:]) == [0, 1]


def test_keys_do_not_share_rows():
    add_numbered_rows(FeatureStore("one", (1,)), SHA256S)
    assert len(FeatureStore("two", (1,)).find_missing(SHA256S)) == 5


def test_row_bytes_are_those_of_float32():
    assert FeatureStore("key", (2, 3)).row_bytes == 24


def test_budget_is_the_requested_one_or_a_tenth_of_the_free_disk(monkeypatch):
    monkeypatch.setattr(feature_store.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert compute_budget_bytes(0) == 100
    assert compute_budget_bytes(7) == 7


def test_full_disk_is_an_error_before_rows_are_written(monkeypatch, tmp_path):
    """A write into the memory map of a full disk would end the process by SIGBUS."""

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(feature_store.os, "posix_fallocate", fail)
    store = FeatureStore("key", (1,))
    with pytest.raises(EdgetlError, match="the disk is full") as caught, store.add_rows(SHA256S):
        pytest.fail("the block must not run")
    assert str(tmp_path) in caught.value.where[0]
    assert list_stored_files() == []


def test_segment_of_a_killed_process_is_removed():
    store = FeatureStore("key", (1,))
    add_numbered_rows(store, SHA256S[:2])
    unfinished = locate_feature_store() / "key" / ".segment.0.tmp"
    unfinished.mkdir()
    os.utime(unfinished, (1, 1))
    add_numbered_rows(store, SHA256S[2:])
    assert not unfinished.exists() and store.find_missing(SHA256S) == []
