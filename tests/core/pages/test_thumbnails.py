"""Thumbnails are small pictures of the right photo, and end with the budget."""

import base64
import io

import numpy as np
from PIL import Image

from edgetl.core.pages.thumbnails import Thumbnails

PIXELS = np.stack([np.full((80, 120, 3), level, np.uint8) for level in (0, 255)])


def test_thumbnail_is_a_picture_of_the_photo():
    uri = Thumbnails(lambda rows: PIXELS[rows]).make(1, 48)
    head, _, data = uri.partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == "data:image/webp;base64" and image.size == (48, 32) and np.asarray(image).min() > 250


def test_budget_is_never_exceeded():
    thumbnails = Thumbnails(lambda rows: PIXELS[rows], budget_bytes=400)
    uris = [thumbnails.make(0, 48) for _ in range(10)]
    assert sum(map(len, uris)) <= 400 and "" in uris and uris[0] and thumbnails.left_out == uris.count("")


def test_photos_that_are_gone_have_no_thumbnails_and_leave_none_out():
    thumbnails = Thumbnails(None)
    assert (thumbnails.make(0, 16), thumbnails.left_out) == ("", 0)
