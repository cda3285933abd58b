"""splits.py: slices compute what a split with an unused output did, and every int8 file made from them is the same."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from edgetl.engines.tflite import calibrate
from edgetl.engines.tflite.graph_file import list_named_operators
from edgetl.engines.tflite.splits import replace_splits

_NUMBERS = np.random.default_rng(0)
PHOTOS = _NUMBERS.normal(size=(8, 1, 6)).astype(np.float32)
WEIGHTS = _NUMBERS.normal(size=(6, 12)).astype(np.float32)
# The name of each function → what it computes from the three parts of a tensor [1, 12].
USES = {
    "all": lambda first, second, third: tf.concat([tf.tanh(first), tf.tanh(second), tf.tanh(third)], axis=-1),
    "not the first": lambda _, second, third: tf.tanh(second) * tf.sigmoid(third),
    "not the middle": lambda first, _, third: tf.tanh(first) * tf.sigmoid(third),
    "only the last": lambda _first, _second, third: tf.tanh(third),
}


@pytest.fixture
def calibrate_function(tmp_path):
    """Return a function that makes a calibrated file, which divides a tensor into parts."""

    def run(name: str, sizes: int | list[int]) -> bytes:
        @tf.function(input_signature=[tf.TensorSpec([1, 6], tf.float32)])
        def compute(values):
            return USES[name](*tf.split(values @ WEIGHTS, sizes, axis=-1))

        module = tf.Module()
        module.compute = compute
        tf.saved_model.save(module, str(tmp_path / name), signatures=compute)
        return calibrate.run_calibrator(tmp_path / name, ([photo] for photo in PHOTOS))

    return run


def predict(content: bytes) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    outputs = []
    for photo in PHOTOS:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(outputs)


def list_types(content: bytes) -> list[str]:
    return [kind for kind, _ in list_named_operators(content)]


@pytest.mark.parametrize("sizes", [3, [4, 4, 4]])
@pytest.mark.parametrize("name", USES)
def test_slices_compute_what_the_split_did(calibrate_function, name, sizes):
    split = calibrate_function(name, sizes)
    sliced = replace_splits(split)
    np.testing.assert_array_equal(predict(sliced), predict(split))
    if name == "all":
        assert sliced == split and any(kind.startswith("SPLIT") for kind in list_types(split))
    else:
        uses = {"only the last": 1}.get(name, 2)
        assert list_types(sliced).count("SLICE") == uses and not {"SPLIT", "SPLIT_V"} & set(list_types(sliced))


def test_parts_of_different_sizes_begin_where_the_earlier_ones_end(calibrate_function):
    split = calibrate_function("only the last", [5, 3, 4])
    np.testing.assert_array_equal(predict(replace_splits(split)), predict(split))


def test_every_int8_file_is_the_same(calibrate_function):
    calibrated = replace_splits(calibrate_function("not the middle", 3))
    files = {calibrate.quantize_model(calibrated) for _ in range(16)}
    assert len(files) == 1 and "SLICE" in list_types(*files)
    assert "QUANTIZE" not in list_types(*files)[1:-1], "a part of the network is in float"
