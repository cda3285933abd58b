"""Rounds the layers of an 8-bit file one after the other, each with what the layers before it output by then."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.network.rounding.adaround import choose_integers
from edgetl.core.network.rounding.layers import Integers, Layer, Samples
from edgetl.core.photos.pixel_store import DecodedPixels, Pixels

# Output places of all photos, per layer.
_SAMPLES = 8000
# Bounds of the memory for the inputs of a layer and for the outputs of several, in numbers of float32.
_INPUT_VALUES = 40_000_000
_OUTPUT_VALUES = 50_000_000
# Share of the outputs of a layer that are within one quantization step of what was computed for its integers. Kernels
# may round halves differently.
_REQUIRED_SHARE = 0.99


class IntegerFile(Protocol):
    """An 8-bit file and the float model that it was made from."""

    @property
    def layers(self) -> Sequence[Layer]:
        """Return the layers whose integers can be changed, in the order of the file."""

    def sample_inputs(self, number: int, photos: Pixels, places: np.ndarray) -> NDArray[np.float32]:
        """Return what a layer of the file consumes as it is now, dequantized: see `layers.Samples`.

        Args:
            number: position in `layers`.
            photos: uint8 [photos, height, width, 3].
            places: output places of each photo, int64 [photos, places].
        """

    def sample_outputs(
        self, numbers: Sequence[int], photos: Pixels, places: Sequence[np.ndarray], *, quantized: bool
    ) -> list[NDArray[np.float32]]:
        """Return what layers output, activation included: float32 [samples, channels] of each layer.

        Args:
            numbers: positions in `layers`.
            photos: uint8 [photos, height, width, 3].
            places: output places of each photo, int64 [photos, places] for each layer.
            quantized: the outputs of the file, dequantized, instead of those of the float model.
        """

    def write(self, number: int, integers: Integers) -> Integers:
        """Write the integers of a layer; return them with biases as they are in the file."""


def round_layers(file: IntegerFile, photos: Pixels, advance: Callable[[int], None]) -> None:
    """Choose the integers of all layers and write them into the file.

    Args:
        file: is changed.
        photos: uint8 [photos, height, width, 3]; at least one.
        advance: called with 1 after each layer.

    Raises:
        StageError: the file does not compute what was computed for the integers in it.
    """
    places = [_draw_places(number, layer, len(photos)) for number, layer in enumerate(file.layers)]
    expected: list[NDArray[np.float32]] = []
    for numbers in _group_layers(file.layers, places):
        chosen_places = [places[number] for number in numbers]
        outputs = file.sample_outputs(numbers, photos, chosen_places, quantized=False)
        for number, values in zip(numbers, outputs, strict=True):
            layer = file.layers[number]
            samples = Samples(inputs=file.sample_inputs(number, photos, places[number]), outputs=values)
            written = file.write(number, choose_integers(layer, samples))
            rows = places[number].shape[1]
            first = Samples(inputs=samples.inputs[:rows], outputs=values[:rows])
            expected.append(np.clip(first.compute(written.dequantize(), written.biases), layer.low, layer.high))
            advance(1)
    if expected:
        _check_outputs(file, photos, places, expected)


def _draw_places(number: int, layer: Layer, photos: int) -> NDArray[np.int64]:
    """Draw the same number of output places in each photo."""
    inputs = layer.weights.size if layer.depthwise else layer.weights.shape[1]
    samples = min(_SAMPLES, _INPUT_VALUES // inputs)
    count = min(layer.places, max(1, samples // photos))
    generator = np.random.default_rng(number)
    return np.stack([np.sort(generator.choice(layer.places, count, replace=False)) for _ in range(photos)])


def _group_layers(layers: Sequence[Layer], places: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Yield positions of consecutive layers whose outputs fit into memory together, at least one at a time."""
    group, values = list[int](), 0
    for number, layer in enumerate(layers):
        size = places[number].size * layer.channels
        if group and values + size > _OUTPUT_VALUES:
            yield group
            group, values = [], 0
        group.append(number)
        values += size
    if group:
        yield group


def _check_outputs(
    file: IntegerFile, photos: Pixels, places: Sequence[np.ndarray], expected: Sequence[np.ndarray]
) -> None:
    """Check that every layer of the file outputs what was computed for its integers, for the first photo."""
    numbers = range(len(file.layers))
    first = DecodedPixels(photos.rows([0]), photos.input_spec)
    outputs = file.sample_outputs(numbers, first, [part[:1] for part in places], quantized=True)
    for layer, values, computed in zip(file.layers, outputs, expected, strict=True):
        step = (layer.high - layer.low) / 255
        share = float((np.abs(values - computed) <= 1.01 * step).mean())
        if share < _REQUIRED_SHARE:
            raise StageError(
                f"{layer.name}: {share:.1%} of its outputs are those that its weights were chosen for, "
                f"{_REQUIRED_SHARE:.0%} are needed: the device would not compute what was optimized",
                hint="choose --method int8",
            )
