"""ingest: a folder in, a Dataset out, the same for every shape, nothing written beside the photos."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.photos.dataset import SplitFractions, scan
from edgetl.core.records import InputSpec
from edgetl.stages.ingest import ingest

SPLIT = SplitFractions(test=0.2, validation=0.15)
ASSETS = Path(os.environ.get("EDGETL_ASSETS", Path(__file__).parents[3] / "shared" / "assets"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path) -> Path:
    generator = np.random.default_rng(4)
    for name in ("left", "right"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            cells = generator.integers(0, 256, (5, 7, 3), dtype=np.uint8)
            image = Image.fromarray(cells).resize((280, 200), Image.Resampling.BICUBIC)
            image.save(tmp_path / "photos" / name / f"{number:02}.jpg", quality=90)
    return tmp_path / "photos"


def test_from_folder_to_dataset(root):
    steps: list[int] = []
    dataset = ingest(scan(root), InputSpec(side_px=24, fit="crop"), SPLIT, progress=steps.append)
    assert dataset.classes == ("left", "right") and sum(steps) == 80
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 80 and dataset.left_out == ()
    assert len(dataset.test) > 0 and len(dataset.validation) > 0
    stored = pixel_store.open_pixels([photo.sha256 for photo in dataset.train], InputSpec(side_px=24, fit="crop"))
    assert np.array_equal(stored.rows([3])[0], pixels.load_photo(root / dataset.train[3].path, 24, "crop"))


def test_the_dataset_is_the_same_for_every_shape(root):
    (root / "left" / "small.png").write_bytes((root / "left" / "00.jpg").read_bytes())
    Image.open(root / "right" / "00.jpg").resize((560, 400)).save(root / "right" / "larger.jpg")
    shapes = [
        InputSpec(side_px=24, fit="crop"),
        InputSpec(side_px=224, fit="pad"),
        InputSpec(side_px=300, fit="stretch"),
    ]
    assert len({ingest(scan(root), shape, SPLIT, progress=lambda _: None).model_dump_json() for shape in shapes}) == 1


def test_nothing_is_written_beside_the_photos(root):
    before = sorted((str(path), path.stat().st_mtime_ns) for path in (root, *root.rglob("*")))
    ingest(scan(root), InputSpec(side_px=24, fit="crop"), SPLIT, progress=lambda _: None)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in (root, *root.rglob("*"))) == before


def test_too_many_broken_photos_name_the_class(root):
    for number in range(3):
        (root / "right" / f"{number:02}.jpg").write_bytes(b"not a photo at all")
    with pytest.raises(DataError, match="cannot be used") as caught:
        ingest(scan(root), InputSpec(side_px=24, fit="crop"), SPLIT, progress=lambda _: None)
    assert caught.value.where[1:] == ("right: 3 of 40 photos are unusable",)


def test_flowers():
    root = ASSETS / "datasets" / "flowers5"
    if not root.is_dir():
        pytest.skip("the assets (shared/assets beside the project, or $EDGETL_ASSETS) are not here")
    dataset = ingest(scan(root), InputSpec(side_px=32, fit="crop"), SPLIT, progress=lambda _: None)
    left_out = {left.path: left.reason for left in dataset.left_out}
    assert left_out["roses/15922772266_1167a06620.jpg"] == "same photo also under tulips"
    assert left_out["tulips/15922772266_1167a06620.jpg"] == "same photo also under roses"
    near = [path for path, reason in left_out.items() if reason.startswith("near duplicate")]
    assert len(left_out) < 10 and len(near) <= 4, left_out
