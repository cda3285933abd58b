"""digits: 1797 small PNGs that keep every level, written whole or not at all, and hardly any lost as duplicates."""

import os

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.records import InputSpec
from edgetl.engines import digits


def test_every_digit_is_there_unchanged(tmp_path):
    folder = tmp_path / "deep" / "digits"
    digits.write_digits(folder)
    assert sorted(path.name for path in folder.iterdir()) == [str(digit) for digit in range(10)]
    source = load_digits()
    files = {path.stem: path for path in folder.rglob("*.png")}
    assert len(files) == 1797
    for number in (0, 7, 1796):
        path = files[f"{number:04}"]
        found = np.asarray(Image.open(path))
        assert found.shape == (8, 8) and found.dtype == np.uint8 and path.parent.name == str(source.target[number])
        assert np.array_equal(np.rint(found / 255 * 16), source.images[number])
    assert [path.name for path in folder.parent.iterdir()] == ["digits"]


def test_a_folder_that_exists_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "load_digits", lambda: pytest.fail("nothing was to be loaded"))
    (tmp_path / "digits").mkdir()
    digits.write_digits(tmp_path / "digits")
    assert list((tmp_path / "digits").iterdir()) == []


def test_interrupted_leaves_nothing(tmp_path, monkeypatch):
    written = []
    original = Image.Image.save

    def interrupted(self: Image.Image, name: os.PathLike[str]) -> None:
        if len(written) == 20:
            raise KeyboardInterrupt
        written.append(name)
        original(self, name)

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        digits.write_digits(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []


def test_nearly_none_is_taken_for_a_duplicate(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digits.write_digits(tmp_path / "digits")
    tree = scan_photos(tmp_path / "digits")
    glimpses = pixel_store.fill_pixel_store(
        tree.root, tree.paths, InputSpec(side_px=32, fit="crop"), progress=lambda _: None
    )
    split = dataset.SplitFractions(test=0.2, validation=0.15)
    assert len(dataset.assemble_dataset(tree, glimpses, split).left_out) <= 5
