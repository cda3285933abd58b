"""Decoded photos as the argument of a stage."""

from dataclasses import dataclass

from edgetl.core.photos import pixel_store
from edgetl.core.records import InputSpec, Part, Photo


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoSet:
    """Photos of one part that are in the pixel store, in the order in which a model predicts them."""

    part: Part
    photos: tuple[Photo, ...]
    input_spec: InputSpec

    def key(self) -> object:
        """Return the input spec and the hashes of the photos, in order. Names and part do not change a result."""
        return self.input_spec, [photo.sha256 for photo in self.photos]

    def open_pixels(self) -> pixel_store.Pixels:
        """Open the pixels: uint8 [photos, side, side, 3].

        Raises:
            DataError: some photos are not in the cache any more.
        """
        return pixel_store.open_pixels([photo.sha256 for photo in self.photos], self.input_spec)
