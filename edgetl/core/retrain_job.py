"""Records that go to the Keras 2 child process and come back: a retraining and its result.

There are three kinds: "qat" is quantization-aware training, "prune" sets weights to zero, "cluster" makes weights share
few values.
"""

from pathlib import Path

from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.record import PathInside, Record
from edgetl.core.records import InputSpec, Photo

# Photos on which a quantization-aware model and its file are compared: the validation part, and training photos where
# that has fewer.
AGREEMENT_PHOTOS = 200
REQUIRED_AGREEMENT = 0.99


class RetrainJob(Record):
    """A retraining to run.

    `matrix` and `offset` are the scaling: raw RGB pixels @ matrix + offset. `proof` are photos that the finished Keras
    2 model predicts, to be compared with its file.
    """

    kind: RetrainKind
    input: InputSpec
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    calibration: tuple[Photo, ...]
    proof: tuple[Photo, ...]
    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    recipe: RetrainingTables


class RetrainOutcome(Record):
    """Accuracy of a retraining on the validation photos. Epoch 0 is the state before it."""

    epochs: int
    best_epoch: int
    start_accuracy: float
    accuracy: float
    learning_rate: float
    bridge_difference: float
    note: str
    seconds: float


class RetrainedModel(Record):
    """A retrained model on disk: model.keras, or for "qat" a SavedModel with its predictions for the `proof` photos.

    `files` maps every file, relative to `folder`, to its sha256. `proof` are sha256s of photos.
    """

    kind: RetrainKind
    folder: PathInside
    files: dict[str, str]
    sha256: str
    proof: tuple[str, ...]
    outcome: RetrainOutcome

    @property
    def model(self) -> Path:
        """Return the .keras file, or the folder of the SavedModel."""
        return self.folder / ("saved_model" if self.kind == "qat" else "model.keras")

    @property
    def answers(self) -> Path:
        """Return the file with the model's predictions for the proof photos: float32 [photos, units]."""
        return self.folder / "proof.npy"

    def contents(self) -> dict[Path, str]:
        """Map every file to its sha256."""
        return {self.folder / name: digest for name, digest in self.files.items()}
