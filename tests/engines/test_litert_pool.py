"""litert_pool.py: tests of LiteRtProgram cover the computation; these cover the file."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.litert_features import LiteRtProgram
from edgetl.engines.litert_pool import LiteRtPool


@pytest.fixture(scope="module")
def program(small_model):
    model = small_model()
    outputs = [model.get_layer("pooling").output, model.get_layer("relu2").output]
    return LiteRtProgram(keras.Model(model.input, outputs, name="frozen"))


def test_shapes_are_those_of_the_outputs_in_their_order(program):
    assert LiteRtPool(program.content, 1).list_shapes() == [(128,), (8, 8, 8)]


def test_file_gives_the_same_bytes_with_any_number_of_threads(program, photo_array):
    results = []
    for pool in (program, LiteRtPool(program.content, 1)):
        outputs = [np.empty((11, *shape), np.float32) for shape in pool.list_shapes()]
        pool.run(np.arange(11), lambda rows: photo_array[rows], outputs, lambda _: None)
        results.append([output.tobytes() for output in outputs])
    assert results[0] == results[1]
