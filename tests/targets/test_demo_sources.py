"""demo_sources.py: the values of --source, and a folder of photos that changes while it is shown."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels


@pytest.fixture(scope="module")
def demo_sources(import_payload):
    return import_payload("demo_sources")


@pytest.fixture(scope="module")
def demo_frames(import_payload):
    return import_payload("demo_frames")


@pytest.fixture
def fast_clock(demo_sources, monkeypatch):
    """A clock that advances by 0.3 s per call: a photo is shown for a few frames, without waiting."""
    calls = iter(range(10**6))
    clock = SimpleNamespace(perf_counter=lambda: next(calls) * 0.3, sleep=lambda _: None)
    monkeypatch.setattr(demo_sources, "time", clock)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, size in (("a.jpg", (1280, 960)), ("b.png", (60, 80)), ("c.JPG", (300, 200))):
        cells = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        cells.resize(size, Image.Resampling.BICUBIC).save(folder / name)
    (folder / "notes.txt").write_text("no photo", encoding="utf-8")
    return folder


@pytest.mark.usefixtures("fast_clock")
def test_photos_of_a_folder_have_the_pixels_of_the_build(demo_sources, demo_frames, photos):
    frames = demo_sources.read_folder(photos, demo_frames.FrameRequest(side_px=96))
    for fit in pixels.FITS:
        images: set[bytes] = set()
        while len(images) < 3:
            images.add(pixels.fit_image(next(frames).image, 96, 96, fit).tobytes())
        assert images == {
            pixels.load_photo(photos / name, 96, 96, fit).tobytes() for name in ("a.jpg", "b.png", "c.JPG")
        }


@pytest.mark.usefixtures("fast_clock")
def test_each_photo_is_shown_several_times_and_the_folder_is_repeated(demo_sources, demo_frames, photos):
    frames = demo_sources.read_folder(photos, demo_frames.FrameRequest(side_px=96))
    widths = [next(frames).image.width for _ in range(40)]
    changes = [width for index, width in enumerate(widths) if not index or widths[index - 1] != width]
    assert len(widths) >= 2 * len(changes) and changes[:3] * 2 == changes[:6]


@pytest.mark.usefixtures("fast_clock")
def test_photos_have_their_name_and_the_class_that_their_folder_names(demo_sources, demo_frames, photos):
    for folder in ("rose", "daisy/garden", "other"):
        (photos / folder).mkdir(parents=True)
        for name in ("1.png", "2.png"):
            shutil.copyfile(photos / "b.png", photos / folder / name)
    request = demo_frames.FrameRequest(side_px=96, labels=("daisy", "rose"))
    frames = demo_sources.read_folder(photos, request)
    shown: dict[str, str] = {}
    while len(shown) < 9:
        frame = next(frames)
        shown.setdefault(frame.name, frame.true_label)
    # The folders take turns, so that the classes alternate.
    assert list(shown.items()) == [
        ("a.jpg", ""),
        ("daisy/garden/1.png", "daisy"),
        ("other/1.png", ""),
        ("rose/1.png", "rose"),
        ("b.png", ""),
        ("daisy/garden/2.png", "daisy"),
        ("other/2.png", ""),
        ("rose/2.png", "rose"),
        ("c.JPG", ""),
    ]
    assert next(demo_sources.read_folder(photos / "rose", request)).true_label == "rose"


def test_folder_option_is_a_folder(demo_sources, demo_frames, photos):
    request = demo_frames.FrameRequest()
    assert demo_sources.select_folder(photos, request).name == "photos"
    for path in (photos / "a.jpg", photos / "nowhere"):
        with pytest.raises(demo_frames.SourceError, match=r"--photos .*: no such folder"):
            demo_sources.select_folder(path, request)


@pytest.mark.usefixtures("fast_clock")
def test_unreadable_photo_is_skipped(demo_sources, demo_frames, photos):
    (photos / "a.jpg").write_bytes(b"\xff\xd8\xff nothing")
    frames = demo_sources.read_folder(photos, demo_frames.FrameRequest(side_px=96))
    assert {next(frames).image.size for _ in range(30)} == {(60, 80), (300, 200)}


@pytest.mark.usefixtures("fast_clock")
def test_folder_without_readable_photo_is_reported(demo_sources, demo_frames, photos):
    for name in ("b.png", "c.JPG"):
        (photos / name).unlink()
    (photos / "a.jpg").write_bytes(b"")
    with pytest.raises(demo_frames.SourceError, match=r"no photo in .* can be read: a\.jpg: empty file"):
        next(demo_sources.read_folder(photos, demo_frames.FrameRequest()))
    (photos / "a.jpg").unlink()
    with pytest.raises(demo_frames.SourceError, match="contains no photos"):
        next(demo_sources.read_folder(photos, demo_frames.FrameRequest()))


@pytest.mark.usefixtures("fast_clock")
def test_removed_folder_is_reported_and_can_be_opened_again(demo_sources, demo_frames, photos):
    source = demo_sources.select_source(str(photos), demo_frames.FrameRequest(side_px=96))
    frames = source.open_frames()
    assert next(frames).image.size
    shutil.move(photos, photos.with_name("gone"))
    with pytest.raises(demo_frames.SourceError, match=r"cannot be read: No such file or directory"):
        list(frames)
    shutil.move(photos.with_name("gone"), photos)
    assert next(source.open_frames()).image.size


def test_source_is_selected_by_its_name(demo_sources, demo_frames, photos, monkeypatch):
    request = demo_frames.FrameRequest()
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(error=OSError))
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace())
    texts = ["auto", "picamera2", "/dev/video7", str(photos), str(photos / "a.jpg")]
    names = [demo_sources.select_source(text, request).name for text in texts]
    assert names == ["camera", "picamera2", "/dev/video7", "photos", "a.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("/nowhere", "--source /nowhere: no such folder or file"), ("~no-such-user/x", "~no-such-user")],
)
def test_unknown_source_is_refused(demo_sources, demo_frames, text, message):
    with pytest.raises(demo_frames.SourceError, match=message):
        demo_sources.select_source(text, demo_frames.FrameRequest())


@pytest.mark.parametrize("name", ["picamera2", "/dev/video0", "clip.mp4"])
def test_missing_library_is_reported_when_the_source_is_selected(
    demo_sources, demo_frames, name, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(demo_frames.SourceError, match="is not installed: "):
        demo_sources.select_source(name, demo_frames.FrameRequest())


def test_auto_prefers_the_camera_connector_to_usb_and_reports_both_if_missing(
    demo_sources, demo_frames, monkeypatch, tmp_path
):
    cameras: list[str] = []
    library = SimpleNamespace(Picamera2=SimpleNamespace(global_camera_info=lambda: cameras))
    monkeypatch.setattr(demo_sources.demo_cameras, "import_picamera2", lambda: library)
    monkeypatch.setattr(demo_sources.demo_cameras, "read_picamera2", lambda _: iter(["board"]))
    monkeypatch.setattr(demo_sources.demo_cameras, "read_v4l2", lambda device, _: iter([device]))
    request = demo_frames.FrameRequest()
    message = "no camera is connected to the board; and no USB camera is connected"
    with pytest.raises(demo_frames.SourceError, match=message):
        list(demo_sources.read_any_camera(request, tmp_path))
    for name in ("usb-z-video-index0", "usb-a-video-index1", "usb-b-video-index0"):
        (tmp_path / name).touch()
    assert list(demo_sources.read_any_camera(request, tmp_path)) == [str(tmp_path / "usb-b-video-index0")]
    cameras.append("imx708")
    assert next(demo_sources.read_any_camera(request, tmp_path)) == "board"
