"""Records of robustness: the accuracy of Keras and of a file on the same photos, as they are and corrupted."""

from dataclasses import dataclass

from edgetl.core.formats import KernelSet
from edgetl.core.record import Record
from edgetl.core.records import Artifact, Dataset, Trained
from edgetl.core.verdict_records import Comparison

# Name of the photos as they are, among those of corruptions.
CLEAN = "clean"


@dataclass(frozen=True, kw_only=True, slots=True)
class RobustnessRequest:
    """What the stage needs.

    Attributes:
        trained: the Keras model.
        artifact: the file that is compared with it.
        dataset: its validation photos are corrupted.
        kernels: the kernels that the file runs on.
        confidence: of each one-sided bound of a drop.
        seed: of the photos that are drawn, and of what is random in a corruption.
    """

    trained: Trained
    artifact: Artifact
    dataset: Dataset
    kernels: KernelSet
    confidence: float
    seed: int


class CorruptionResult(Record):
    """Accuracy on photos with one corruption.

    Attributes:
        name: of the corruption; "clean" for the photos as they are.
        phrase: where the photos are, in a sentence.
        severity: of ImageNet-C, 1 to 5; 0 for the photos as they are.
        strength: its parameter, see `corruptions`.
        comparison: of Keras and the file.
        drop: accuracy of Keras minus that of the file.
        drop_low: one-sided lower bound of the drop.
        drop_high: one-sided upper bound.
    """

    name: str
    phrase: str
    severity: int
    strength: float
    comparison: Comparison
    drop: float
    drop_low: float
    drop_high: float


class Robustness(Record):
    """What corruptions cost Keras and a file.

    Attributes:
        trained_sha256: of the Keras model.
        artifact_sha256: of the file.
        method: of the file.
        photos: number of photos that were corrupted.
        total: number of validation photos, from which they were drawn.
        seed: of the draw.
        confidence: of each bound.
        results: the photos as they are first.
    """

    trained_sha256: str
    artifact_sha256: str
    method: str
    photos: int
    total: int
    seed: int
    confidence: float
    results: tuple[CorruptionResult, ...]

    @property
    def clean(self) -> CorruptionResult:
        """The result on the photos as they are."""
        return self.results[0]

    @property
    def worst(self) -> CorruptionResult:
        """The corruption with the largest drop; of equal ones, the mildest."""
        return max(self.results[1:], key=lambda result: (result.drop, -result.severity))


def name_robustness_stage(target: str) -> str:
    """Return the name of the stage that corrupts photos for a target's file."""
    return f"robustness-{target}"
