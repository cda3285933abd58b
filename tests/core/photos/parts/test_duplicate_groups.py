"""duplicate_groups.py: groups are those that a comparison of all pairs gives, at the cost of a few."""

import time

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES, find_near_duplicates
from edgetl.core.photos.parts.duplicate_groups import group_near_duplicates, read_thumbnails
from edgetl.core.photos.pixel_store import fill_pixel_store
from edgetl.core.records import InputSpec


def draw_thumbnails(photos: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (photos, THUMBNAIL_BYTES), dtype=np.uint8)


def compare_all_pairs(thumbnails: np.ndarray) -> np.ndarray:
    """Group by comparing every photo with every other one."""
    groups = np.arange(len(thumbnails))
    for row in range(len(thumbnails)):
        for partner in range(row + 1, len(thumbnails)):
            if find_near_duplicates(thumbnails[row : row + 1], thumbnails[partner : partner + 1])[0] == 0:
                low, high = sorted((groups[row], groups[partner]))
                groups[groups == high] = low
    return groups


def make_bursts(bursts: int, length: int) -> np.ndarray:
    """Each photo of a burst differs a little from the one before, so that the ends of a burst differ much."""
    generator = np.random.default_rng(2)
    thumbnails = []
    for first in draw_thumbnails(bursts).astype(np.int64):
        photo = first
        for _ in range(length):
            thumbnails.append(photo)
            photo = np.clip(photo + generator.integers(-4, 5, THUMBNAIL_BYTES), 0, 255)
    return np.array(thumbnails, np.uint8)


def test_groups_are_those_of_all_pairs():
    thumbnails = make_bursts(8, 6)[np.random.default_rng(3).permutation(48)]
    groups = group_near_duplicates(thumbnails)
    assert groups.tolist() == compare_all_pairs(thumbnails).tolist()
    assert 8 <= len(set(groups.tolist())) < 48


def test_group_extends_over_photos_that_are_not_near_each_other():
    thumbnails = make_bursts(1, 12)
    assert find_near_duplicates(thumbnails[:1], thumbnails[-1:])[0] == -1
    assert set(group_near_duplicates(thumbnails).tolist()) == {0}


def test_different_photos_are_groups_of_their_own():
    assert group_near_duplicates(draw_thumbnails(200)).tolist() == list(range(200))
    assert group_near_duplicates(draw_thumbnails(0)).tolist() == []


def test_thousands_of_equal_photos_are_one_group_in_seconds():
    start = time.monotonic()
    thumbnails = np.repeat(draw_thumbnails(1), 3000, axis=0)
    assert set(group_near_duplicates(thumbnails).tolist()) == {0}
    assert time.monotonic() - start < 60


def test_thumbnails_are_read_from_the_pixel_store(photos):
    spec = InputSpec(height_px=32, width_px=32, fit="crop")
    paths = [f"circle/{number:03}.png" for number in range(5)]
    facts = fill_pixel_store(photos, paths, spec, progress=lambda _: None)
    sha256s = [fact.sha256 for fact in facts]
    assert read_thumbnails(sha256s, spec).tobytes() == b"".join(fact.thumbnail for fact in facts)
    assert np.array_equal(read_thumbnails(sha256s[::-1], spec), read_thumbnails(sha256s, spec)[::-1])
    with pytest.raises(DataError, match="1 of 6 photos are not in the cache"):
        read_thumbnails([*sha256s, "ab" * 32], spec)
