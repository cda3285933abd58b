"""Each fault is given to one photo in 25, and edgetl names it."""

import numpy as np
import pytest
from PIL import Image

from tools.measure_bad_photos import FAULTS, find_ours, spoil_photos


@pytest.fixture
def photos(tmp_path):
    """50 photos of coloured blocks, whose edges are sharp."""
    random = np.random.default_rng(1)
    (tmp_path / "photos" / "class").mkdir(parents=True)
    for number in range(50):
        photo = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        photo.resize((256, 192), Image.Resampling.NEAREST).save(tmp_path / "photos" / "class" / f"{number}.png")
    return tmp_path / "photos"


def test_two_of_fifty_photos_have_each_fault_and_are_named(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spoiled = spoil_photos(photos, tmp_path / "out", 50, seed=1)
    assert {fault: len(names) for fault, names in spoiled.items()} == dict.fromkeys(FAULTS, 2)
    assert len(list((tmp_path / "out").iterdir())) == 50
    found = find_ours(tmp_path / "out", 192)
    assert {fault: found[fault] >= names for fault, names in spoiled.items()} == dict.fromkeys(FAULTS, True)
