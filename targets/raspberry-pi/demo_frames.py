"""Types of the sources of the demo: a frame, a source, and the error that explains why there is no frame."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from PIL import Image


class SourceError(Exception):
    """There is no frame. The message is a sentence for the user, with what to do."""


@dataclass(frozen=True)
class Frame:
    """One RGB image.

    Attributes:
        image: the image.
        capture_ms: time to capture it. For a camera it includes waiting for the next image.
        name: path of the photo in its folder; empty for a camera.
        true_label: label of the photo, where the name of its folder is one; otherwise empty.
    """

    image: Image.Image
    capture_ms: float
    name: str = ""
    true_label: str = ""


Frames = Generator[Frame, None, None]


@dataclass(frozen=True)
class Source:
    """Where frames come from.

    Attributes:
        name: shown to the user.
        open_frames: opens the source and yields frames until it raises SourceError. Closing the generator closes the
            source; another call opens it again.
    """

    name: str
    open_frames: Callable[[], Frames]


@dataclass(frozen=True)
class FrameRequest:
    """What a source should deliver.

    Attributes:
        width_px: width of a camera's frames.
        height_px: height of a camera's frames.
        rate_hz: largest number of frames per second.
        side_px: longer side of the model's input, the smallest useful size of a decoded photo.
        labels: labels of the model. A folder with the name of a label contains photos with this true label.
    """

    width_px: int = 640
    height_px: int = 480
    rate_hz: float = 30.0
    side_px: int = 224
    labels: tuple[str, ...] = ()
