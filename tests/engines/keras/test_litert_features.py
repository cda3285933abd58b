"""The frozen layers on LiteRT: the features of Keras in the order of the rows, or an error."""

import keras
import numpy as np
import pytest

from edgetl.core import machine
from edgetl.core.errors import StageError
from edgetl.engines.keras.litert_features import LiteRtProgram, make_checked_program


@pytest.fixture(scope="module")
def network(small_model):
    model = small_model()
    outputs = [model.get_layer("pooling").output, model.get_layer("relu2").output]
    return keras.Model(model.input, outputs, name="frozen")


def make_outputs(rows):
    return [np.empty((rows, 128), np.float32), np.empty((rows, 8, 8, 8), np.float32)]


# Batches have 4 photos.
@pytest.mark.parametrize("count", [1, 4, 11])
def test_features_are_in_the_order_of_rows_and_outputs(network, photo_array, count):
    program = make_checked_program(network, photo_array[:8])
    rows, batches = np.random.default_rng(0).permutation(30)[:count], []
    outputs = make_outputs(count)
    program.run(rows, lambda chunk: photo_array[chunk], outputs, batches.append)
    assert sum(batches) == count
    expected = network.predict_on_batch(photo_array[rows])
    for features, reference in zip(outputs, expected, strict=True):
        assert np.abs(features - reference).max() < 1e-4 * np.abs(reference).max()


def test_features_that_differ_from_keras_are_an_error(network, photo_array, monkeypatch):
    invoke = LiteRtProgram._invoke
    monkeypatch.setattr(LiteRtProgram, "_invoke", lambda self, pixels: [2 * array for array in invoke(self, pixels)])
    with pytest.raises(StageError, match="LiteRT's features differ from Keras's") as error:
        make_checked_program(network, photo_array[:8])
    assert "--no-feature-cache" in error.value.hint


def test_error_of_a_thread_is_raised(network):
    def read(rows):
        raise OSError("no such photo")

    with pytest.raises(OSError, match="no such photo"):
        LiteRtProgram(network).run(np.arange(8), read, make_outputs(8), lambda _: None)


def test_process_that_gets_more_cores_goes_on(network, photo_array, monkeypatch):
    monkeypatch.setattr(machine, "count_cores", lambda: 1)
    program = LiteRtProgram(network)
    monkeypatch.setattr(machine, "count_cores", lambda: 8)
    outputs = make_outputs(30)
    program.run(np.arange(30), lambda chunk: photo_array[chunk], outputs, lambda _: None)
    assert np.abs(outputs[0] - network.predict_on_batch(photo_array)[0]).max() < 1e-4 * np.abs(outputs[0]).max()
