"""What a child process is told about a training after the training, and what it tells of it: plain records.

Three kinds. "qat" trains with the rounding of integers in the loop, "prune" makes weights zero, "cluster" makes them
share few values.
"""

import hashlib
from pathlib import Path
from typing import Any

from edgetl.core.recipe import Recipe, RetrainKind, parse_recipe
from edgetl.core.records import InputSpec, PathInside, Photo, Record

# Photos that the quantization-aware model and its file must agree on; the validation part, filled up from training.
AGREEMENT_PHOTOS = 200
REQUIRED_AGREEMENT = 0.99
# What decides the numbers that a retraining ends with, but for libraries.
_CODE = (
    "core/network/*.py",
    "core/input_scaling.py",
    "core/photos/augment.py",
    "engines/keras/to_network.py",
    "engines/keras/batches.py",
    "engines/tfmot/*.py",
)


class RetrainJob(Record):
    """What is to be done to a trained network.

    `matrix` and `offset` are the scaling: raw RGB pixels @ matrix + offset. `proof` are the photos that the finished
    Keras 2 model answers for comparison. `recipe` holds the recipe's tables.
    """

    kind: RetrainKind
    input: InputSpec
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    calibration: tuple[Photo, ...]
    proof: tuple[Photo, ...]
    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    recipe: dict[str, Any]

    def resolved(self) -> Recipe:
        """The recipe."""
        return parse_recipe(self.recipe, "the job")


class RetrainOutcome(Record):
    """What a retraining reached on the validation part. Epoch 0 is the state in which it began."""

    epochs: int
    best_epoch: int
    start_accuracy: float
    accuracy: float
    learning_rate: float
    bridge_difference: float
    note: str
    seconds: float


class RetrainedModel(Record):
    """A retrained model on disk: model.keras, or for "qat" a SavedModel with the answers to `proof` beside it.

    `files` maps every file, relative to the folder of the record, to its sha256; `proof` names photos by their sha256.
    """

    kind: RetrainKind
    folder: PathInside
    files: dict[str, str]
    sha256: str
    proof: tuple[str, ...]
    outcome: RetrainOutcome

    @property
    def model(self) -> Path:
        """The .keras file, or the folder of the SavedModel."""
        return self.folder / ("saved_model" if self.kind == "qat" else "model.keras")

    @property
    def answers(self) -> Path:
        """What the quantization-aware model answers to the proof photos: float32 [photos, units]."""
        return self.folder / "proof.npy"

    def contents(self) -> dict[Path, str]:
        """Every file."""
        return {self.folder / name: digest for name, digest in self.files.items()}


def made_by() -> str:
    """Names the code that retrains, by its sha256: a change of that trains anew. It is read, and not imported."""
    package = Path(__file__).parents[1]
    sources = [path for name in _CODE for path in sorted(package.glob(name))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
