"""The folder of handwritten digits: 1797 lossless photos, complete or absent, and hardly any near duplicates."""

import os

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.records import InputSpec
from edgetl.engines import digits


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "parent" / "digits"
    digits.write_digits(path)
    return path


def test_every_digit_is_written_with_all_its_grey_levels(folder):
    assert sorted(path.name for path in folder.iterdir()) == [str(digit) for digit in range(10)]
    source = load_digits()
    files = {path.stem: path for path in folder.rglob("*.png")}
    assert len(files) == 1797
    for number in (0, 7, 1796):
        path = files[f"{number:04}"]
        pixels = np.asarray(Image.open(path))
        assert pixels.shape == (8, 8) and pixels.dtype == np.uint8 and path.parent.name == str(source.target[number])
        assert np.array_equal(np.rint(pixels / 255 * 16), source.images[number])


def test_no_unfinished_folder_remains(folder):
    assert [path.name for path in folder.parent.iterdir()] == ["digits"]


def test_existing_folder_is_not_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "load_digits", lambda: pytest.fail("the digits were loaded"))
    (tmp_path / "digits").mkdir()
    digits.write_digits(tmp_path / "digits")
    assert list((tmp_path / "digits").iterdir()) == []


def test_interrupted_writing_leaves_no_files(tmp_path, monkeypatch):
    saved = []
    save = Image.Image.save

    def interrupt_after_20(self: Image.Image, path: os.PathLike[str]) -> None:
        if len(saved) == 20:
            raise KeyboardInterrupt
        saved.append(path)
        save(self, path)

    monkeypatch.setattr(Image.Image, "save", interrupt_after_20)
    with pytest.raises(KeyboardInterrupt):
        digits.write_digits(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []


def test_at_most_five_digits_are_near_duplicates(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photo_folder = scan_photos(folder)
    input_spec = InputSpec(height_px=32, width_px=32, fit="crop")
    facts = pixel_store.fill_pixel_store(photo_folder.root, photo_folder.paths, input_spec, progress=lambda _: None)
    split = SplitFractions(test=0.2, validation=0.15)
    assert len(dataset.assemble_dataset(photo_folder, facts, split, duplicates="drop").left_out) <= 5
