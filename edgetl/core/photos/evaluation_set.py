"""The photos that a model is asked about."""

from dataclasses import dataclass
from hashlib import sha256

from edgetl.core.photos import pixel_store
from edgetl.core.records import InputSpec, Part, Photo


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSet:
    """Photos of one part, already in the pixel store, as the model's input wants them."""

    part: Part
    photos: tuple[Photo, ...]
    shape: InputSpec

    @property
    def sha256(self) -> str:
        """What is asked, in order: the same for the same photos, whatever they are called, shaped the same way."""
        told = [self.shape.model_dump_json(), *(photo.sha256 for photo in self.photos)]
        return sha256("\n".join(told).encode()).hexdigest()

    def pixels(self) -> pixel_store.Pixels:
        """The photos' pixels, in order."""
        return pixel_store.open_pixels([photo.sha256 for photo in self.photos], self.shape)
