"""A folder of photos becomes a dataset, the same for every input spec, and nothing is written beside the photos."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.console import Console
from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.records import InputSpec
from edgetl.stages.ingest import ingest_photos

SPLIT = SplitFractions(test=0.2, validation=0.15)
CROP_24 = InputSpec(height_px=24, width_px=24, fit="crop")
ASSETS = Path(os.environ.get("EDGETL_ASSETS", Path(__file__).parents[3] / "shared" / "assets"))


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path) -> Path:
    """80 photos of noise in two classes."""
    generator = np.random.default_rng(4)
    for name in ("left", "right"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            cells = generator.integers(0, 256, (5, 7, 3), dtype=np.uint8)
            image = Image.fromarray(cells).resize((280, 200), Image.Resampling.BICUBIC)
            image.save(tmp_path / "photos" / name / f"{number:02}.jpg", quality=90)
    return tmp_path / "photos"


def ingest(root, input_spec=CROP_24, console=None):
    return ingest_photos(scan_photos(root), input_spec, SPLIT, console=console or Console(quiet=True))


def test_photos_are_decoded_and_split_into_three_parts(root, counting_console):
    dataset = ingest(root, console=counting_console)
    assert dataset.classes == ("left", "right") and counting_console.bars == {"photos": [80, 80]}
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 80 and dataset.left_out == ()
    assert len(dataset.test) > 0 and len(dataset.validation) > 0
    stored = pixel_store.open_pixels([photo.sha256 for photo in dataset.train], CROP_24)
    assert np.array_equal(stored.rows([3])[0], pixels.load_photo(root / dataset.train[3].path, 24, 24, "crop"))


def test_dataset_is_the_same_for_every_input_spec(root):
    (root / "left" / "small.png").write_bytes((root / "left" / "00.jpg").read_bytes())
    Image.open(root / "right" / "00.jpg").resize((560, 400)).save(root / "right" / "larger.jpg")
    specs = [
        CROP_24,
        InputSpec(height_px=224, width_px=224, fit="pad"),
        InputSpec(height_px=300, width_px=300, fit="stretch"),
    ]
    assert len({ingest(root, spec).model_dump_json() for spec in specs}) == 1


def test_nothing_is_written_beside_the_photos(root):
    def list_times():
        return sorted((str(path), path.stat().st_mtime_ns) for path in (root, *root.rglob("*")))

    before = list_times()
    ingest(root)
    assert list_times() == before


def test_class_with_too_many_broken_photos_is_named(root):
    for number in range(3):
        (root / "right" / f"{number:02}.jpg").write_bytes(b"not a photo at all")
    with pytest.raises(DataError, match="cannot be used") as caught:
        ingest(root)
    assert caught.value.where[1:] == ("right: 3 of 40 photos are unusable (3 not a photo (text?): right/00.jpg)",)


def test_near_duplicates_form_groups_unless_another_choice_is_made(root):
    for number in range(4):
        photo = Image.open(root / "left" / "00.jpg")
        photo.resize((560 + 40 * number, 400)).save(root / "left" / f"copy{number}.jpg")
    dataset = ingest(root)
    groups = {photo.group: part for part in ("train", "validation", "test") for photo in dataset.part(part)}
    assert len(groups) == 2 and dataset.notes[0].startswith("5 photos are near duplicates of others")
    kept = ingest_photos(scan_photos(root), CROP_24, SPLIT, "keep", console=Console(quiet=True))
    assert not any(photo.group for photo in kept.train) and kept.left_out == () and kept.notes == ()


def test_duplicates_among_the_flowers_are_left_out():
    root = ASSETS / "datasets" / "flowers5"
    if not root.is_dir():
        pytest.skip("the assets (shared/assets beside the project, or $EDGETL_ASSETS) are not here")
    dataset = ingest(root, InputSpec(height_px=32, width_px=32, fit="crop"))
    left_out = {left.path: left.reason for left in dataset.left_out}
    assert left_out["roses/15922772266_1167a06620.jpg"] == "same photo also under tulips"
    assert left_out["tulips/15922772266_1167a06620.jpg"] == "same photo also under roses"
    near = [path for path, reason in left_out.items() if reason.startswith("near duplicate")]
    assert len(left_out) < 10 and len(near) <= 4, left_out
