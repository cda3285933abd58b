"""rounding.py: layers are rounded in order, in bounded memory, and the file is checked against what was optimized."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.network.rounding import rounding
from edgetl.core.network.rounding.layers import Integers, Layer, Samples

PHOTOS, PLACES, INPUTS, CHANNELS = 6, 4, 8, 3


class FakeFile:
    """A chain of dense layers with the same inputs; `writes` are the layers in the order in which they were written."""

    def __init__(self, layers: int, fault: float = 0.0) -> None:
        generator = np.random.default_rng(1)
        self.fault = fault
        self.writes: list[int] = []
        self.groups: list[list[int]] = []
        self.inputs = generator.normal(size=(PHOTOS, PLACES, INPUTS)).astype(np.float32)
        self.layers = [self._make_layer(generator, number) for number in range(layers)]

    def _make_layer(self, generator: np.random.Generator, number: int) -> Layer:
        weights = generator.normal(size=(CHANNELS, INPUTS)).astype(np.float32)
        scales = (np.abs(weights).max(axis=1) / 127).astype(np.float32)
        integers = Integers(
            weights=np.rint(weights / scales[:, None]).astype(np.int8),
            scales=scales,
            biases=np.zeros(CHANNELS, np.float32),
        )
        return Layer(
            name=f"layer{number}",
            weights=weights,
            biases=np.zeros(CHANNELS, np.float32),
            integers=integers,
            depthwise=False,
            places=PLACES,
            has_biases=True,
            has_channel_scales=True,
            low=-30.0,
            high=30.0,
        )

    def sample_inputs(self, number, photos, places):
        assert number == len(self.writes), "the layers before it were not written"
        return self._gather(places)

    def sample_outputs(self, numbers, photos, places, *, quantized):
        if not quantized:
            self.groups.append(list(numbers))
        assert len(photos) == len(places[0])
        empty = np.zeros((0, 0), np.float32)
        biases = np.zeros(CHANNELS, np.float32)
        parts = []
        for number, chosen in zip(numbers, places, strict=True):
            weights = self.written[number].dequantize() if quantized else self.layers[number].weights
            biases = self.written[number].biases + self.fault if quantized else biases * 0
            parts.append(Samples(inputs=self._gather(chosen), outputs=empty).compute(weights, biases))
        return parts

    def write(self, number, integers):
        self.writes.append(number)
        self.written = {**getattr(self, "written", {}), number: integers}
        return integers

    def _gather(self, places):
        return np.concatenate([self.inputs[photo][rows] for photo, rows in enumerate(places)])


@pytest.fixture
def photos(as_pixels):
    return as_pixels(np.zeros((PHOTOS, 2, 2, 3), np.uint8))


def test_each_layer_is_written_before_the_next_is_sampled(photos):
    file, steps = FakeFile(3), []
    rounding.round_layers(file, photos, steps.append)
    assert file.writes == [0, 1, 2] and steps == [1, 1, 1]


def test_outputs_of_as_many_layers_as_fit_are_sampled_together(photos, monkeypatch):
    monkeypatch.setattr(rounding, "_OUTPUT_VALUES", 2 * PHOTOS * PLACES * CHANNELS)
    file = FakeFile(5)
    rounding.round_layers(file, photos, lambda _: None)
    assert file.groups == [[0, 1], [2, 3], [4]]


def test_a_layer_larger_than_the_memory_is_sampled_alone(photos, monkeypatch):
    monkeypatch.setattr(rounding, "_OUTPUT_VALUES", 1)
    file = FakeFile(2)
    rounding.round_layers(file, photos, lambda _: None)
    assert file.groups == [[0], [1]]


def test_places_are_fewer_where_a_layer_has_many_inputs(monkeypatch):
    (layer,) = FakeFile(1).layers
    assert rounding._draw_places(0, layer, PHOTOS).shape == (PHOTOS, PLACES)
    monkeypatch.setattr(rounding, "_INPUT_VALUES", 2 * PHOTOS * INPUTS)
    places = rounding._draw_places(0, layer, PHOTOS)
    assert places.shape == (PHOTOS, 2) and places.max() < PLACES
    monkeypatch.setattr(rounding, "_INPUT_VALUES", INPUTS)
    assert rounding._draw_places(0, layer, PHOTOS).shape == (PHOTOS, 1)


def test_a_file_that_computes_something_else_is_refused(photos):
    # A quantization step of the outputs is 60 / 255.
    rounding.round_layers(FakeFile(2, fault=0.22), photos, lambda _: None)
    with pytest.raises(StageError, match=r"layer0: 0\.0% of its outputs are those that its weights were chosen for"):
        rounding.round_layers(FakeFile(2, fault=0.27), photos, lambda _: None)


def test_a_model_without_layers_stays_as_it_is(photos):
    rounding.round_layers(FakeFile(0), photos, lambda _: None)
