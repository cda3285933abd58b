"""RGB frames of cameras and videos: picamera2 for the camera connector, OpenCV for USB cameras (V4L2) and video files.

A library is imported when one of its sources is opened: a board that needs one need not have the other.
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
from demo_frames import Frame, FrameRequest, Frames, SourceError
from PIL import Image

# A camera that delivers nothing for this long counts as disconnected.
SILENCE_S = 2.0
# For a video file whose frame rate is missing or absurd.
DEFAULT_VIDEO_HZ = 25.0

NO_PICAMERA2 = (
    "picamera2 is not installed: sudo apt install python3-picamera2, then sh setup.sh --demo, "
    "which makes an environment with access to the packages of the system"
)
# OpenCV 4.12 and later need numpy 2, and picamera2 on Raspberry Pi OS bookworm needs numpy 1.
NO_OPENCV = f'OpenCV is not installed: {sys.executable} -m pip install "opencv-python-headless<4.12"'

# The index of red, green and blue in an array of each pixel format. libcamera names a format from the highest byte to
# the lowest, and memory begins with the lowest: BGR888 is red, green, blue in memory.
# Source: picamera2 manual, appendix A; raspberrypi/picamera2#1148.
_CHANNEL_ORDERS = {"BGR888": (0, 1, 2), "RGB888": (2, 1, 0), "XBGR8888": (0, 1, 2), "XRGB8888": (2, 1, 0)}

Array = np.ndarray[Any, Any]


def read_picamera2(request: FrameRequest) -> Frames:
    """Yield frames of the first camera that libcamera lists.

    Raises:
        SourceError: picamera2 is missing, no camera is connected, or the camera failed.
    """
    library = import_picamera2()
    with _convert_errors("the camera", RuntimeError, OSError, LookupError, ValueError, futures.TimeoutError):
        if not library.Picamera2.global_camera_info():
            raise SourceError("no camera is connected to the board: check its cable and restart the board")
        camera = library.Picamera2()
        try:
            stream = {"format": "BGR888", "size": (request.width_px, request.height_px)}
            # Without a queue the next frame is captured from now on; a queued one would show the past.
            settings = {"queue": False, "controls": {"FrameRate": request.rate_hz}}
            camera.configure(camera.create_video_configuration(main=stream, **settings))
            camera.start()
            # libcamera may configure another format than the requested one.
            pixel_format = str(camera.camera_configuration()["main"]["format"])
            while True:
                start = time.perf_counter()
                array = camera.capture_array("main", wait=SILENCE_S)
                yield Frame(convert_to_rgb(array, pixel_format), _compute_elapsed_ms(start))
        finally:
            camera.close()


def convert_to_rgb(array: Array, pixel_format: str) -> Image.Image:
    """Convert an array of libcamera or OpenCV to an RGB image.

    Args:
        array: uint8 [height, width, 3 or 4].
        pixel_format: libcamera's name, such as "BGR888". OpenCV's arrays are "RGB888": blue, green, red in memory.

    Raises:
        SourceError: an unsupported pixel format.
    """
    if pixel_format not in _CHANNEL_ORDERS:
        supported = ", ".join(_CHANNEL_ORDERS)
        raise SourceError(f"the camera delivers {pixel_format}; the demo supports {supported}")
    return Image.fromarray(np.ascontiguousarray(array[:, :, list(_CHANNEL_ORDERS[pixel_format])]))


def read_v4l2(device: str, request: FrameRequest) -> Frames:
    """Yield frames of a USB camera, such as "/dev/video0".

    Raises:
        SourceError: OpenCV is missing, the device cannot be opened, or it stopped delivering frames.
    """
    cv2 = import_opencv()
    with _convert_errors(device, cv2.error):
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        try:
            if not capture.isOpened():
                raise SourceError(f"{device} cannot be opened: is it connected, and is this user in the group video?")
            for option, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, request.width_px),
                (cv2.CAP_PROP_FRAME_HEIGHT, request.height_px),
                (cv2.CAP_PROP_FPS, request.rate_hz),
                # A single buffer, so that a frame is never older than one frame interval.
                (cv2.CAP_PROP_BUFFERSIZE, 1),
            ):
                capture.set(option, value)
            while True:
                start = time.perf_counter()
                success, bgr = capture.read()
                if not success:
                    raise SourceError(f"{device} delivers no more frames: is it still connected?")
                yield Frame(convert_to_rgb(bgr, "RGB888"), _compute_elapsed_ms(start))
        finally:
            capture.release()


def read_video(path: Path) -> Frames:
    """Yield the frames of a video file at its own frame rate, repeated without end.

    Raises:
        SourceError: OpenCV is missing, or the file cannot be read as a video.
    """
    cv2 = import_opencv()
    with _convert_errors(path.name, cv2.error):
        while True:
            capture = cv2.VideoCapture(str(path))
            count = 0
            try:
                rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
                # OpenCV returns 0 or NaN for files without a frame rate.
                pause_s = 1 / (rate_hz if math.isfinite(rate_hz) and 1 <= rate_hz <= 240 else DEFAULT_VIDEO_HZ)
                due = time.perf_counter()
                while True:
                    start = time.perf_counter()
                    success, bgr = capture.read()
                    if not success:
                        break
                    count += 1
                    yield Frame(convert_to_rgb(bgr, "RGB888"), _compute_elapsed_ms(start))
                    # A late frame moves all following ones: catching up would show them too fast.
                    due = max(due + pause_s, time.perf_counter())
                    time.sleep(max(0.0, due - time.perf_counter()))
            finally:
                capture.release()
            if not count:
                raise SourceError(f"{path.name} is missing, or is not a video that OpenCV can read")


def import_picamera2() -> Any:
    """Import picamera2. Raises SourceError with the command that installs it."""
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise SourceError(f"{NO_PICAMERA2} ({error})") from error
    except ValueError as error:
        # "numpy.dtype size changed": its compiled parts were built for another version of numpy.
        raise SourceError(
            f"picamera2 does not match this numpy: remove .venv and run sh setup.sh --demo ({error})"
        ) from error


def import_opencv() -> Any:
    """Import cv2. Raises SourceError with the command that installs it."""
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise SourceError(f"{NO_OPENCV} ({error})") from error


@contextmanager
def _convert_errors(name: str, *types: type[Exception]) -> Iterator[None]:
    """Convert the exceptions of a driver to SourceError."""
    try:
        yield
    except types as error:
        raise SourceError(f"{name} failed: {error or type(error).__name__}") from error


def _compute_elapsed_ms(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
