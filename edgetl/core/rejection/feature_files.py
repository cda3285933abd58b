"""Scores of a file with features: a record of both, and what the thresholds of the file read of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core.parallel import FeaturePredictions
from edgetl.core.records import Part, Scores
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.files import hash_file

_FEATURES_FILE = "features.npy"


class ScoresWithFeatures(Scores):
    """Scores, and the features of the same photos in features.npy beside them: float32 [photos, features].

    `features_sha256` is that of this file; "" for a model file without features.
    """

    features_sha256: str = ""

    @property
    def features_path(self) -> Path:
        """Return the file of the features, which exists if there are any."""
        return self.path.with_name(_FEATURES_FILE)

    def contents(self) -> dict[Path, str]:
        """Map the array files to their sha256."""
        features = {self.features_path: self.features_sha256} if self.features_sha256 else {}
        return super().contents() | features


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureFiles:
    """What a model file has predicted for one part of the photos.

    Attributes:
        model_sha256: of the model file.
        part: the part.
        scores: float32 [photos, classes], in an .npy file.
        features: float32 [photos, features], in an .npy file.
    """

    model_sha256: str
    part: Part
    scores: Path
    features: Path

    def read(self) -> FeaturePredictions:
        """Read both.

        Raises:
            ConfigError: a file cannot be read.
        """
        return FeaturePredictions(scores=read_array(self.scores), features=read_array(self.features))


def write_features_beside(scores: Scores, features: np.ndarray | None) -> ScoresWithFeatures:
    """Write features, [photos, features], beside the file of the scores; None for a model file without."""
    written = ScoresWithFeatures(**dict(scores))
    if features is None:
        return written
    np.save(written.features_path, features.astype(np.float32), allow_pickle=False)
    return written.model_copy(update={"features_sha256": hash_file(written.features_path)})


def find_feature_files(scores: Scores) -> tuple[FeatureFiles, ...]:
    """Return the files of scores with features; none for scores without."""
    if not isinstance(scores, ScoresWithFeatures) or not scores.features_sha256:
        return ()
    return (
        FeatureFiles(
            model_sha256=scores.model_sha256, part=scores.part, scores=scores.path, features=scores.features_path
        ),
    )
