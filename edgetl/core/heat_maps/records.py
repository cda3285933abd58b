"""Records of heat maps: what is compared, and for which photos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edgetl.core.record import PathInside, Record
from edgetl.core.records import Artifact, Dataset, Scores, Trained

# The maps of a photo in the array of `HeatMaps`.
KERAS, FILE, FILE_OWN = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatMapRequest:
    """What the stage needs.

    Attributes:
        trained: the Keras model.
        artifact: the file that is compared with it.
        dataset: the photos.
        scores: of the test photos, of Keras and of the file.
        seed: of the sample.
    """

    trained: Trained
    artifact: Artifact
    dataset: Dataset
    scores: tuple[Scores, Scores]
    seed: int


class MappedPhoto(Record):
    """A test photo with heat maps.

    Attributes:
        row: its position among the test photos.
        kind: what the conversion changed; "differs" are photos that are wrong before and after, in another way.
        sampled: whether it was drawn by the seed. Only these are counted, because changed photos are no fair sample.
        label: the class that Keras predicts, or the label whose decision changed.
        file_label: the class that the file predicts, or the same label.
        correlation: of the two maps of `label`, -1..1.
    """

    row: int
    kind: Literal["same", "broke", "fixed", "differs"]
    sampled: bool
    label: int
    file_label: int
    correlation: float


class HeatMaps(Record):
    """Heat maps of Keras and of a file for some test photos.

    Attributes:
        path: .npy file, float32 [photos, 3, height, width]: for the class that Keras predicts the maps of Keras and of
            the file, and the map of the file for the class that it predicts itself. See `core.heat_maps.class_maps`.
        sha256: of that file.
        trained_sha256: of the Keras model.
        artifact_sha256: of the file.
        total: number of test photos.
        seed: of the sample.
        photos: in the order of the array.
        changed: number of photos with another prediction, of which some may be left out.
        reason: why there are no maps; "" if there are.
    """

    path: PathInside
    sha256: str
    trained_sha256: str
    artifact_sha256: str
    total: int
    seed: int
    photos: tuple[MappedPhoto, ...]
    changed: int
    reason: str = ""

    def contents(self) -> dict[Path, str]:
        """Map the array file to its sha256."""
        return {self.path: self.sha256}

    @property
    def sample(self) -> tuple[MappedPhoto, ...]:
        """The photos that were drawn by the seed."""
        return tuple(photo for photo in self.photos if photo.sampled)

    @property
    def mean_correlation(self) -> float:
        """The mean correlation of the sample.

        Raises:
            ValueError: there are no maps.
        """
        if not self.sample:
            raise ValueError("no maps were compared")
        return float(np.mean([photo.correlation for photo in self.sample]))

    def list_most_different(self, count: int) -> tuple[int, ...]:
        """List the positions in `photos` of the sampled photos with the lowest correlations, the lowest first."""
        rows = [index for index, photo in enumerate(self.photos) if photo.sampled]
        return tuple(sorted(rows, key=lambda index: (self.photos[index].correlation, index))[:count])


def name_heat_maps_stage(target: str) -> str:
    """Return the name of the stage that makes the heat maps of a target's file."""
    return f"heatmaps-{target}"
