"""A row of the table of networks: everything that differs from one keras.applications network to the next."""

from dataclasses import dataclass
from typing import Literal

# Source: keras.applications.imagenet_utils.preprocess_input, Keras 3.15.
Scaling = Literal["tf", "torch", "caffe"]
Licence = Literal["Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferResult:
    """Test accuracy after fine-tuning the whole network from three kinds of weights; means of three seeds."""

    photos: str
    epochs: int
    random: float
    formula: float
    imagenet: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippedWeights:
    """Weights inside the package, trained at `side_px` on images drawn by formula (tools/pretrain_base.py)."""

    alpha: float
    side_px: int
    file: str
    sha256: str
    transfers: tuple[TransferResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseNetwork:
    """A network of keras.applications.

    Attributes:
        name: its name in edgetl.
        builder: its function in keras.applications.
        parameters: number of parameters of the ImageNet classifier at alpha 1.0.
        published_top1: accuracy of the ImageNet classifier at alpha 1.0 and `weights_side_px`.
        smallest_side_px: smallest side of the input.
        default_side_px: default side of the input.
        weights_side_px: side that the ImageNet weights were trained at; they are used for every other side too.
        scaling: input scaling that the weights were trained with.
        scaled_inside: whether Keras's network contains this scaling; it is then built without.
        alphas: widths that have ImageNet weights.
        weights_licence: licence of the ImageNet weights.
        weights_file: name of the file with the ImageNet weights without classifier.
        weights_url: address of the file, or of its folder if it ends with "/".
        qat: whether quantization-aware training supports the network.
        formula: weights inside the package.
    """

    name: str
    builder: str
    parameters: int
    published_top1: float
    smallest_side_px: int = 32
    default_side_px: int = 224
    weights_side_px: int = 224
    scaling: Scaling
    scaled_inside: bool = False
    alphas: tuple[float, ...] = (1.0,)
    weights_licence: Licence
    weights_file: str
    weights_url: str
    # Tested with one network of each family: tests/engines/tfmot/test_integer_export.py, slow.
    qat: bool = True
    formula: ShippedWeights | None = None

    @property
    def has_widths(self) -> bool:
        """Return whether the network has a width multiplier."""
        return len(self.alphas) > 1
