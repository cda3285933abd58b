"""A usable photo on its way to a part of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgetl.core.photos import near_duplicates
from edgetl.core.photos.photo_folder import PhotoFile
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Part, Photo

# What happens to near duplicates: they form groups, or those of an earlier part are left out, or nothing.
DuplicateChoice = Literal["group", "drop", "keep"]


@dataclass(frozen=True, slots=True)
class UsablePhoto:
    """A file with usable content, the group that it stays together with ("" for none), and its part."""

    file: PhotoFile
    facts: PhotoFacts
    group: str = ""
    part: Part = "train"

    @property
    def preset_part(self) -> Part | None:
        """The part in the folder, None if it is drawn. Photos of a train folder may be drawn into a missing part."""
        return None if self.file.part == "train" else self.file.part

    @property
    def photo(self) -> Photo:
        """The record of the photo."""
        return Photo(
            path=self.file.path,
            label=self.file.label,
            sha256=self.facts.sha256,
            group=self.group,
            labels=self.file.labels,
        )


def stack_thumbnails(photos: Sequence[UsablePhoto]) -> near_duplicates.Thumbnails:
    """Stack the thumbnails of photos: uint8 [photos, 243]."""
    thumbnails = b"".join(photo.facts.thumbnail for photo in photos)
    return np.frombuffer(thumbnails, np.uint8).reshape(-1, near_duplicates.THUMBNAIL_BYTES)
