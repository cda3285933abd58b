"""Which source is meant by --source, and the one that needs no camera: a folder of photos."""

from __future__ import annotations

import time
from pathlib import Path

import classify  # type: ignore[import-not-found]
import demo_cameras
import pixels  # type: ignore[import-not-found]
from demo_frames import Frame, Frames, Source, SourceError, Wanted

HOLD_S = 2.0
FOLDER_HZ = 10.0
# udev names USB cameras here, one by one; /dev/video* holds the board's own codecs too.
USB = Path("/dev/v4l/by-id")


def chosen(text: str, wanted: Wanted) -> Source:
    """The source that a text names: auto, picamera2, /dev/video0, a folder of photos, or a video file.

    Raises:
        SourceError: there is nothing of that name, or its library is missing.
    """
    if text == "auto":
        return Source("camera", lambda: found(wanted))
    if text == "picamera2":
        demo_cameras.picamera2_library()
        return Source("picamera2", lambda: demo_cameras.picamera2(wanted))
    if text.startswith("/dev/"):
        demo_cameras.opencv_library()
        # It need not be plugged in yet.
        return Source(text, lambda: demo_cameras.v4l2(text, wanted))
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:  # ~name, where nobody has that name.
        raise SourceError(f"{text}: {error}") from error
    if path.is_dir():
        return Source(path.name or text, lambda: folder(path, wanted))
    if path.is_file():
        demo_cameras.opencv_library()
        return Source(path.name, lambda: demo_cameras.video(path))
    raise SourceError(f"{text}: neither auto, picamera2, /dev/video0 and its like, nor a folder or file that is there")


def found(wanted: Wanted, usb: Path = USB) -> Frames:
    """Pictures of the camera that is there: the board's own first, else the first on USB. Raises SourceError."""
    own = _no_own_camera()
    if not own:
        yield from demo_cameras.picamera2(wanted)
    devices = sorted(usb.glob("*-video-index0"))
    if not devices:
        raise SourceError(f"{own}; and no camera is plugged in on USB")
    yield from demo_cameras.v4l2(str(devices[0]), wanted)


def _no_own_camera() -> str:
    """Why libcamera has no camera; empty if it has one."""
    try:
        known = demo_cameras.picamera2_library().Picamera2.global_camera_info()
    except SourceError as error:
        return str(error)
    return "" if known else "no camera is connected to the board"


def folder(path: Path, wanted: Wanted) -> Frames:
    """Photos in the order of their names, each held for HOLD_S and read again and again, as a camera would.

    Raises:
        SourceError: the folder is gone or holds no photo that can be read.
    """
    pause_s = 1 / min(wanted.rate_hz, FOLDER_HZ)
    while True:
        shown, trouble = 0, ""
        for photo in _photos(path):
            end = time.perf_counter() + HOLD_S
            while time.perf_counter() < end:
                start = time.perf_counter()
                try:
                    image = pixels.decoded(pixels.opened(pixels.read(photo)), wanted.side_px)
                except pixels.PhotoError as error:
                    trouble = f"{photo.name}: {error}"
                    break
                shown += 1
                yield Frame(image, (time.perf_counter() - start) * 1e3)
                time.sleep(max(0.0, start + pause_s - time.perf_counter()))
        if not shown:
            raise SourceError(f"no photo in {path.name} can be read: {trouble}")


def _photos(path: Path) -> list[Path]:
    try:
        photos = sorted(file for file in path.iterdir() if file.suffix.lower() in classify.SUFFIXES)
    except OSError as error:
        raise SourceError(f"the folder {path.name} cannot be read: {error.strerror}") from error
    if not photos:
        raise SourceError(f"the folder {path.name} holds no photos")
    return photos
