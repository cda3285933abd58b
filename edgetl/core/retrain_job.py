"""A retraining and its result: what the Keras 2 child process reads and returns as JSON.

There are three kinds: "qat" is quantization-aware training, "prune" sets weights to zero, "cluster" makes weights share
few values.
"""

from pathlib import Path

from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.record import PathInside, Record
from edgetl.core.records import InputSpec, Photo

# Photos on which a quantization-aware model and its file are compared: all of the validation part, and training photos
# if it has fewer than this.
AGREEMENT_PHOTOS = 200
# Fraction of these photos for which both must predict the same class.
REQUIRED_AGREEMENT = 0.99


class RetrainJob(Record):
    """A retraining to run.

    `matrix` and `offset` are the input scaling: raw RGB pixels @ matrix + offset. `calibration` are the photos that set
    the initial activation ranges. The finished model predicts the `agreement_photos`, to be compared with its file.
    With `fits_temperature`, the logits of a "qat" model are divided by a temperature of its own.
    """

    kind: RetrainKind
    input: InputSpec
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    calibration: tuple[Photo, ...]
    agreement_photos: tuple[Photo, ...]
    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    recipe: RetrainingTables
    fits_temperature: bool


class RetrainOutcome(Record):
    """Accuracy of a retraining on the validation photos. Epoch 0 is the model before it.

    `keras2_difference` is the largest difference between the outputs of the Keras 3 model and its Keras 2 copy.
    `processor_s` is the processor time of the child process, its imports included.
    """

    epochs: int
    best_epoch: int
    start_accuracy: float
    accuracy: float
    learning_rate: float
    keras2_difference: float
    note: str
    seconds: float
    processor_s: float


class RetrainedModel(Record):
    """A retrained model on disk: model.keras, or for "qat" a SavedModel and its predictions for the agreement photos.

    `files` maps every file, relative to `folder`, to its sha256. `agreement_sha256s` identify the agreement photos.
    """

    kind: RetrainKind
    folder: PathInside
    files: dict[str, str]
    sha256: str
    agreement_sha256s: tuple[str, ...]
    outcome: RetrainOutcome

    @property
    def model(self) -> Path:
        """Return the .keras file, or the folder of the SavedModel."""
        return self.folder / ("saved_model" if self.kind == "qat" else "model.keras")

    @property
    def predictions(self) -> Path:
        """Return the file with the model's predictions for the agreement photos: float32 [photos, units]."""
        return self.folder / "predictions.npy"

    def contents(self) -> dict[Path, str]:
        """Map every file to its sha256."""
        return {self.folder / name: digest for name, digest in self.files.items()}
