"""questions.py: which photos are asked about, in order; their names say nothing."""

import numpy as np
import pytest
from edgetl.core.photos.evaluation_set import EvaluationSet
from PIL import Image

from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.records import InputSpec, Photo

SHAPE = InputSpec(side_px=32, fit="crop")


def photo(name: str, sha256: str) -> Photo:
    return Photo(path=name, label=0, sha256=sha256)


def asked(*photos: Photo, input_spec: InputSpec = SHAPE) -> EvaluationSet:
    return EvaluationSet(part="test", photos=photos, shape=input_spec)


def test_the_sha256_is_that_of_the_photos_in_order_and_of_their_shape():
    one, two = photo("a.jpg", "1" * 64), photo("b.jpg", "2" * 64)
    assert asked(one, two).sha256 != asked(two, one).sha256 != asked(two).sha256
    assert asked(photo("renamed.jpg", "1" * 64), two).sha256 == asked(one, two).sha256
    for other in (InputSpec(side_px=32, fit="stretch"), InputSpec(side_px=48, fit="crop")):
        assert asked(one, two, shape=other).sha256 != asked(one, two).sha256


def test_pixels_come_from_the_store_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "photos"
    root.mkdir()
    names = [f"{number}.png" for number in range(4)]
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).integers(0, 256, (50, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / name)
    glimpses = pixel_store.fill_pixel_store(root, names, SHAPE, progress=lambda _: None)
    order = [2, 0, 3]
    rows = asked(*(photo(names[index], glimpses[index].sha256) for index in order)).pixels()
    assert len(rows) == 3 and rows.shape == SHAPE
    expected = np.stack([pixels.load_photo(root / names[index], 32, "crop") for index in order])
    assert np.array_equal(rows.rows([0, 1, 2]), expected)
    with pytest.raises(DataError, match="1 of 2 photos"):
        asked(photo(names[0], glimpses[0].sha256), photo("x", "0" * 64)).pixels()
