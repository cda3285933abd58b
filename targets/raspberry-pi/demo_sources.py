"""Selects the source for the value of --source, and reads the one that needs no camera: a folder of photos."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import classify  # type: ignore[import-not-found]
import demo_cameras
import pixels  # type: ignore[import-not-found]
from demo_frames import Frame, FrameRequest, Frames, Source, SourceError

PHOTO_S = 2.0
FOLDER_HZ = 10.0
# udev creates one link per USB camera here. /dev/video* also contains the codecs of the board.
USB_CAMERAS = Path("/dev/v4l/by-id")


def select_source(text: str, request: FrameRequest) -> Source:
    """Select a source by its name: auto, picamera2, /dev/video0, a folder of photos, or a video file.

    Raises:
        SourceError: no such source, or its library is missing.
    """
    if text == "auto":
        return Source("camera", lambda: read_any_camera(request))
    if text == "picamera2":
        demo_cameras.import_picamera2()
        return Source("picamera2", lambda: demo_cameras.read_picamera2(request))
    if text.startswith("/dev/"):
        demo_cameras.import_opencv()
        # The device may be connected later, so its absence is not an error here.
        return Source(text, lambda: demo_cameras.read_v4l2(text, request))
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        # "~name", where no user has that name.
        raise SourceError(f"{text}: {error}") from error
    if path.is_dir():
        return select_folder(path, request)
    if path.is_file():
        demo_cameras.import_opencv()
        return Source(path.name, lambda: demo_cameras.read_video(path))
    raise SourceError(f"--source {text}: no such folder or file, and not auto, picamera2 or /dev/video0")


def select_folder(path: Path, request: FrameRequest) -> Source:
    """Select a folder of photos, with or without folders in it.

    Raises:
        SourceError: no such folder.
    """
    if not path.is_dir():
        raise SourceError(f"--photos {path}: no such folder")
    return Source(path.name or str(path), lambda: read_folder(path, request))


def read_any_camera(request: FrameRequest, usb_cameras: Path = USB_CAMERAS) -> Frames:
    """Yield frames of the camera on the camera connector, or else of the first one on USB.

    Raises:
        SourceError: there is neither, or the camera failed.
    """
    problem = _explain_missing_camera()
    if not problem:
        yield from demo_cameras.read_picamera2(request)
    # A USB camera has several links; index 0 is the one that delivers images, the others metadata.
    devices = sorted(usb_cameras.glob("*-video-index0"))
    if not devices:
        raise SourceError(f"{problem}; and no USB camera is connected")
    yield from demo_cameras.read_v4l2(str(devices[0]), request)


def _explain_missing_camera() -> str:
    """Return why libcamera has no camera; empty if it has one."""
    try:
        cameras = demo_cameras.import_picamera2().Picamera2.global_camera_info()
    except SourceError as error:
        return str(error)
    return "" if cameras else "no camera is connected to the board"


def read_folder(path: Path, request: FrameRequest) -> Frames:
    """Yield the photos of a folder and of the folders in it, each for PHOTO_S, repeated without end.

    The folders take turns, so that the classes of a labelled folder alternate; within a folder photos are sorted by
    name. A photo is decoded again for every frame, so that the load is similar to that of a camera.

    Raises:
        SourceError: the folder is missing, or contains no readable photo.
    """
    pause_s = 1 / min(request.rate_hz, FOLDER_HZ)
    while True:
        count, problem = 0, ""
        # Listed again in every round: photos may be added and removed meanwhile.
        for photo in _list_photos(path):
            end = time.perf_counter() + PHOTO_S
            while time.perf_counter() < end:
                start = time.perf_counter()
                try:
                    image = pixels.decode_image(pixels.open_image(pixels.read_photo(photo)), request.side_px)
                except pixels.PhotoError as error:
                    problem = f"{photo.name}: {error}"
                    break
                count += 1
                capture_ms = (time.perf_counter() - start) * 1e3
                yield Frame(
                    image, capture_ms, photo.relative_to(path).as_posix(), find_true_label(photo, path, request)
                )
                time.sleep(max(0.0, start + pause_s - time.perf_counter()))
        if not count:
            raise SourceError(f"no photo in {path.name} can be read: {problem}")


def find_true_label(photo: Path, root: Path, request: FrameRequest) -> str:
    """Return the name of the innermost folder that is a label, `root` included; empty if none is."""
    names = (*photo.relative_to(root).parts[:-1][::-1], root.absolute().name)
    return next((name for name in names if name in request.labels), "")


def _list_photos(path: Path) -> list[Path]:
    """List the photos, one of each folder in turn."""
    photos_of_folder: dict[Path, list[Path]] = {}
    try:
        # os.scandir reports a folder that is missing or private; rglob ignores it.
        with os.scandir(path):
            for file in sorted(path.rglob("*")):
                if file.suffix.lower() in classify.SUFFIXES and file.is_file():
                    photos_of_folder.setdefault(file.parent, []).append(file)
    except OSError as error:
        raise SourceError(f"the folder {path.name} cannot be read: {error.strerror}") from error
    turns = itertools.zip_longest(*photos_of_folder.values())
    photos = [photo for turn in turns for photo in turn if photo is not None]
    if not photos:
        raise SourceError(f"the folder {path.name} contains no photos")
    return photos
