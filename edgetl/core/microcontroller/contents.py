"""What the C files of a microcontroller are generated from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import InputSpec, TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenPhoto:
    """A test photo as the model takes it, and what the build computed for it.

    Attributes:
        name: in the bundle.
        pixels: uint8 [height, width, 3].
        outputs: uint8 [units].
        label, known, accepted: its answer; `label` is an index.
    """

    name: str
    pixels: np.ndarray
    outputs: np.ndarray
    label: int
    known: bool
    accepted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FirmwareContents:
    """A model for a microcontroller.

    Attributes:
        model: content of the .tflite file.
        sha256: of that content.
        title: of the target, for comments.
        input_spec: size and fit of the input.
        image, scores: input and first output of the file.
        labels: class names.
        label_thresholds: of labels of which a photo may have several; empty where it has one class.
        memory: what the file needs.
        facts: "answers" of model.json; empty for a file without features.
        reference: int8 [rows, features]; empty for a file without features.
        golden: photos for the self-check.
    """

    model: bytes
    sha256: str
    title: str
    input_spec: InputSpec
    image: TensorSpec
    scores: TensorSpec
    labels: tuple[str, ...]
    label_thresholds: tuple[float, ...]
    memory: MemoryUse
    facts: dict[str, Any]
    reference: np.ndarray
    golden: Sequence[GoldenPhoto]

    def __post_init__(self) -> None:
        for tensor, dtype in (
            (self.image, "uint8"),
            (self.scores, "uint8"),
            *((tensor, "int8") for tensor in self.memory.features),
        ):
            if tensor.dtype != dtype:
                raise StageError(f"the C files need {tensor.name} in {dtype}, and the file has it in {tensor.dtype}")
        if (self.image.scale, self.image.zero_point) != (1.0, 0):
            raise StageError("the C files need an input of raw pixels, with scale 1 and zero point 0")

    @property
    def features(self) -> int:
        """Units of the second output; 0 for a file without one, or without thresholds."""
        return self.reference.shape[1] if self.reference.size else 0
