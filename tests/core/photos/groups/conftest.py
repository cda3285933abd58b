"""Usable photos with random or equal thumbnails."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from edgetl.core.photos.groups.usable_photo import UsablePhoto
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES
from edgetl.core.photos.photo_folder import PhotoFile
from edgetl.core.photos.pixel_store import PhotoFacts


@pytest.fixture(scope="session")
def make_usable() -> Callable[..., UsablePhoto]:
    """Make a photo. The first letter of its path is its class; photos of one scene are near duplicates."""

    def make(path: str, *, group: str = "", scene: str = "", part=None, preset=None) -> UsablePhoto:
        sha256 = hashlib.sha256(path.encode()).hexdigest()
        seed = hashlib.sha256((scene or path).encode()).hexdigest()
        thumbnail = np.random.default_rng(int(seed[:16], 16)).bytes(THUMBNAIL_BYTES)
        file = PhotoFile(path, ord(path[0]) - ord("a"), preset)
        return UsablePhoto(file, PhotoFacts(path, sha256, thumbnail, ""), group, part or preset or "train")

    return make
