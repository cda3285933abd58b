"""share.py: a share decoded elsewhere gives the segments that are written here, byte for byte."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import DataError
from edgetl.core.photos import pixel_store, segments
from edgetl.core.photos.decoding.share import DecodingOrder, decode_share
from edgetl.core.photos.pixel_store import StoreFilling
from edgetl.core.records import InputSpec
from tests.fixtures.execution import FakeExecutor

SPEC = InputSpec(height_px=16, width_px=16, fit="crop")


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Forty photos, one of them twice and one damaged, and a cache of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(pixel_store, "_SMALLEST_SHARE", 7)
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number in range(40):
        pixels = generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.bmp")
    shutil.copy(folder / "00.bmp", folder / "copy.bmp")
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff no photo")
    return folder


def fill(root: Path, executor=None):
    paths = [*sorted(path.name for path in root.iterdir()), "gone.jpg"]
    filling = StoreFilling(progress=lambda _: None, executor=executor)
    return pixel_store.decode_photos(root, paths, SPEC, filling)


def read_segments() -> list[dict[str, bytes]]:
    """Return the files of all segments, in the order of their contents, and remove them."""
    folders = [segment.path for segment in segments.list_segments(SPEC)]
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    for folder in folders:
        shutil.rmtree(folder)
    return sorted(contents, key=lambda files: files["sha256"])


def test_segments_and_facts_are_those_of_this_machine(root, monkeypatch):
    monkeypatch.setattr(pixel_store, "_PHOTOS_WITHOUT_WORKERS", 0)
    monkeypatch.setattr(pixel_store, "count_cores", lambda: 2)
    local = fill(root)
    expected = read_segments()
    executor = FakeExecutor()
    assert fill(root, executor) == local
    assert executor.tasks == 7
    stored = read_segments()
    assert len(stored) == 6 and stored == expected


def test_nothing_runs_elsewhere_for_stored_photos(root):
    fill(root, FakeExecutor())
    again = FakeExecutor()
    facts = fill(root, again)
    assert [photo.path for photo in facts if photo.problem] == ["damaged.jpg", "gone.jpg"]
    # These photos have just changed, so that they are read again; none is decoded.
    assert len(read_segments()) == 6


def test_machine_without_the_folder_is_an_error_and_no_photo_is_left_out(tmp_path):
    shared = DecodingOrder(root=str(tmp_path / "elsewhere"), input_spec=SPEC, stored=frozenset(), keep=False)
    with pytest.raises(DataError, match="does not have the folder of photos") as error:
        decode_share(shared, ["a.jpg"])
    assert "same path" in error.value.hint
