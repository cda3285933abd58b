"""Cameras and videos: picamera2, and OpenCV for USB cameras (V4L2) and video files. RGB pictures come out.

Both libraries are loaded when one of their sources is opened: a board that needs one need not have the other.
"""

from __future__ import annotations

import importlib
import math
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from demo_frames import Frame, Frames, SourceError, Wanted
from PIL import Image

# A camera that gives nothing for so long is taken to be gone.
SILENCE_S = 2.0
VIDEO_HZ = 25.0

NO_PICAMERA2 = (
    "picamera2 is not to be had: sudo apt install python3-picamera2, then sh setup.sh --demo, "
    "which makes an environment that sees the system's packages"
)
# From 4.12 on it wants numpy 2, and picamera2 on Raspberry Pi OS bookworm wants numpy 1.
NO_OPENCV = f'OpenCV is not to be had: {sys.executable} -m pip install "opencv-python-headless<4.12"'

# The name of a format reads from the highest byte to the lowest, and memory holds the lowest first: what libcamera
# calls BGR888 lies in memory as red, green, blue. Source: picamera2 manual, appendix A; raspberrypi/picamera2#1148.
_RED_GREEN_BLUE = {"BGR888": (0, 1, 2), "RGB888": (2, 1, 0), "XBGR8888": (0, 1, 2), "XRGB8888": (2, 1, 0)}

Array = np.ndarray[Any, Any]


def picamera2(wanted: Wanted) -> Frames:
    """Pictures of the first camera that libcamera knows. Raises SourceError."""
    library = picamera2_library()
    with _failures("the camera", RuntimeError, OSError, LookupError, ValueError, futures.TimeoutError):
        if not library.Picamera2.global_camera_info():
            raise SourceError("no camera is connected to the board: look at its cable and start the board again")
        camera = library.Picamera2()
        try:
            asked = {"format": "BGR888", "size": (wanted.width_px, wanted.height_px)}
            # Without a queue the next picture is one taken from now on, not one that has waited.
            settings = {"queue": False, "controls": {"FrameRate": wanted.rate_hz}}
            camera.configure(camera.create_video_configuration(main=asked, **settings))
            camera.start()
            # What it was configured to, not what was asked of it, says where red lies.
            given = str(camera.camera_configuration()["main"]["format"])
            while True:
                start = time.perf_counter()
                array = camera.capture_array("main", wait=SILENCE_S)
                yield Frame(rgb(array, given), _ms_since(start))
        finally:
            camera.close()


def rgb(array: Array, given: str) -> Image.Image:
    """A picture as libcamera lays it in memory, as RGB.

    Args:
        array: uint8 [height, width, 3 or 4].
        given: libcamera's name of the format, such as "BGR888".

    Raises:
        SourceError: a format of another kind.
    """
    if given not in _RED_GREEN_BLUE:
        raise SourceError(f"the camera gives {given}, and the demo reads {', '.join(_RED_GREEN_BLUE)}")
    return Image.fromarray(np.ascontiguousarray(array[:, :, list(_RED_GREEN_BLUE[given])]))


def v4l2(device: str, wanted: Wanted) -> Frames:
    """Pictures of a USB camera, such as "/dev/video0". Raises SourceError."""
    cv2 = opencv_library()
    with _failures(device, cv2.error):
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        try:
            if not capture.isOpened():
                raise SourceError(f"{device} cannot be opened: is it plugged in, and is this user in the group video?")
            for what, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, wanted.width_px),
                (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height_px),
                (cv2.CAP_PROP_FPS, wanted.rate_hz),
                (cv2.CAP_PROP_BUFFERSIZE, 1),
            ):
                capture.set(what, value)
            while True:
                start = time.perf_counter()
                there, bgr = capture.read()
                if not there:
                    raise SourceError(f"{device} gives no more pictures: is it still plugged in?")
                yield Frame(rgb(bgr, "RGB888"), _ms_since(start))
        finally:
            capture.release()


def video(path: Path) -> Frames:
    """The pictures of a video file at its own pace, over and over. Raises SourceError."""
    cv2 = opencv_library()
    with _failures(path.name, cv2.error):
        while True:
            capture = cv2.VideoCapture(str(path))
            shown = 0
            try:
                told = float(capture.get(cv2.CAP_PROP_FPS))
                pause_s = 1 / (told if math.isfinite(told) and 1 <= told <= 240 else VIDEO_HZ)
                due = time.perf_counter()
                while True:
                    start = time.perf_counter()
                    there, bgr = capture.read()
                    if not there:
                        break
                    shown += 1
                    yield Frame(rgb(bgr, "RGB888"), _ms_since(start))
                    due = max(due + pause_s, time.perf_counter())
                    time.sleep(max(0.0, due - time.perf_counter()))
            finally:
                capture.release()
            if not shown:
                raise SourceError(f"{path.name} is there no more, or is no video that OpenCV can read")


def picamera2_library() -> Any:
    """The module picamera2. Raises SourceError that says how to install it."""
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise SourceError(f"{NO_PICAMERA2} ({error})") from error
    except ValueError as error:
        # "numpy.dtype size changed": parts of it were compiled for another numpy.
        raise SourceError(
            f"picamera2 does not fit this numpy: make .venv anew, sh setup.sh --demo ({error})"
        ) from error


def opencv_library() -> Any:
    """The module cv2. Raises SourceError that says how to install it."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise SourceError(f"{NO_OPENCV} ({error})") from error


@contextmanager
def _failures(name: str, *kinds: type[Exception]) -> Iterator[None]:
    """What a driver raises becomes a SourceError."""
    try:
        yield
    except kinds as error:
        raise SourceError(f"{name} failed: {error or type(error).__name__}") from error


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
