"""What a source gives: pictures, one after another, or a sentence that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from PIL import Image


class SourceError(Exception):
    """There is no picture. The message is a sentence for the person who watches, and says what to do."""


@dataclass(frozen=True)
class Frame:
    """One picture, RGB, and the milliseconds that getting it took: for a camera, waiting for it included."""

    image: Image.Image
    capture_ms: float


Frames = Generator[Frame, None, None]


@dataclass(frozen=True)
class Source:
    """Where pictures come from.

    `frames` opens it and gives pictures until it raises SourceError; closing the generator closes the source, and
    calling `frames` again opens it again.
    """

    name: str
    frames: Callable[[], Frames]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a source: the size and rate of its pictures, and the side that the model needs at least."""

    width_px: int = 640
    height_px: int = 480
    rate_hz: float = 30.0
    side_px: int = 224
