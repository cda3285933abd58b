"""demo_sources.py: what --source means, and a folder of photos that is changed while it is shown."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels


@pytest.fixture(scope="module")
def sources(demo):
    return demo("demo_sources")


@pytest.fixture(scope="module")
def frames(demo):
    return demo("demo_frames")


@pytest.fixture
def quick(sources, monkeypatch):
    """Two pictures of each photo, without waiting."""
    now = iter(range(10**6))
    clock = SimpleNamespace(perf_counter=lambda: next(now) * 0.3, sleep=lambda _: None)
    monkeypatch.setattr(sources, "time", clock)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for name, size in (("a.jpg", (1280, 960)), ("b.png", (60, 80)), ("c.JPG", (300, 200))):
        cells = Image.fromarray(noise.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        cells.resize(size, Image.Resampling.BICUBIC).save(folder / name)
    (folder / "notes.txt").write_text("no photo", encoding="utf-8")
    return folder


def test_photos_give_the_pixels_that_the_build_saw(sources, frames, photos, quick):
    source = sources.folder(photos, frames.Wanted(side_px=96))
    for fit in pixels.FITS:
        seen: list[bytes] = []
        while len(set(seen)) < 3:
            seen.append(pixels.fit_image(next(source).image, 96, fit).tobytes())
        expected = {pixels.load_photo(photos / name, 96, fit).tobytes() for name in ("a.jpg", "b.png", "c.JPG")}
        assert set(seen) == expected


def test_each_photo_is_held_and_they_come_again(sources, frames, photos, quick):
    source = sources.folder(photos, frames.Wanted(side_px=96))
    widths = [next(source).image.width for _ in range(40)]
    changes = [width for index, width in enumerate(widths) if not index or widths[index - 1] != width]
    assert len(widths) >= 2 * len(changes) and changes[:3] * 2 == changes[:6]


def test_what_cannot_be_read_is_passed_over(sources, frames, photos, quick):
    (photos / "a.jpg").write_bytes(b"\xff\xd8\xff nothing")
    source = sources.folder(photos, frames.Wanted(side_px=96))
    assert {next(source).image.size for _ in range(30)} == {(60, 80), (300, 200)}


def test_a_folder_without_a_good_photo(sources, frames, photos, quick):
    for name in ("b.png", "c.JPG"):
        (photos / name).unlink()
    (photos / "a.jpg").write_bytes(b"")
    with pytest.raises(frames.SourceError, match=r"no photo in .* can be read: a\.jpg: empty file"):
        next(sources.folder(photos, frames.Wanted()))
    (photos / "a.jpg").unlink()
    with pytest.raises(frames.SourceError, match="holds no photos"):
        next(sources.folder(photos, frames.Wanted()))


def test_a_folder_that_goes_and_comes_back(sources, frames, photos, quick):
    source = sources.chosen(str(photos), frames.Wanted(side_px=96))
    first = source.frames()
    assert next(first).image.size
    shutil.move(photos, photos.with_name("gone"))
    with pytest.raises(frames.SourceError, match=r"cannot be read: No such file or directory"):
        list(first)
    shutil.move(photos.with_name("gone"), photos)
    assert next(source.frames()).image.size


def test_names(sources, frames, photos, monkeypatch):
    wanted = frames.Wanted()
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(error=OSError))
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace())
    names = ["auto", "picamera2", "/dev/video7", str(photos), str(photos / "a.jpg")]
    assert [sources.chosen(name, wanted).name for name in names] == ["camera", "picamera2", names[2], "photos", "a.jpg"]
    with pytest.raises(frames.SourceError, match="nor a folder or file that is there"):
        sources.chosen(str(photos / "missing"), wanted)
    with pytest.raises(frames.SourceError, match="~nobody-of-that-name"):
        sources.chosen("~nobody-of-that-name/photos", wanted)


@pytest.mark.parametrize("name", ["picamera2", "/dev/video0", "clip.mp4"])
def test_a_missing_library_is_said_at_once(sources, frames, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(frames.SourceError, match="is not to be had: "):
        sources.chosen(name, frames.Wanted())


def test_auto_takes_the_boards_camera_then_usb_and_else_says_both(sources, frames, monkeypatch, tmp_path):
    known: list[str] = []
    library = SimpleNamespace(Picamera2=SimpleNamespace(global_camera_info=lambda: known))
    monkeypatch.setattr(sources.demo_cameras, "picamera2_library", lambda: library)
    monkeypatch.setattr(sources.demo_cameras, "picamera2", lambda _: iter(["board"]))
    monkeypatch.setattr(sources.demo_cameras, "v4l2", lambda device, _: iter([device]))
    with pytest.raises(
        frames.SourceError, match="no camera is connected to the board; and no camera is plugged in on USB"
    ):
        list(sources.found(frames.Wanted(), tmp_path))
    for name in ("usb-z-video-index0", "usb-a-video-index1", "usb-b-video-index0"):
        (tmp_path / name).touch()
    assert list(sources.found(frames.Wanted(), tmp_path)) == [str(tmp_path / "usb-b-video-index0")]
    known.append("imx708")
    assert next(sources.found(frames.Wanted(), tmp_path)) == "board"
