"""integer_export.py: kernels on their steps, the scaling as one convolution, every range in the graph."""

import numpy as np
import pytest

from edgetl.core import methods
from edgetl.core.flatnet import Node, by_channel
from edgetl.engines import litert, to_tflite
from edgetl.engines.integer_export import Scaling, stepped


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("Conv2D", (3, 3, 4, 6)), ("Conv2D", (1, 1, 4, 1)), ("Dense", (40, 1)), ("DepthwiseConv2D", (3, 3, 5, 1))],
)
def test_a_kernel_is_a_multiple_of_its_channels_step(kind, shape):
    draws = np.random.default_rng(2)
    kernel = (draws.normal(size=shape) * draws.uniform(0.01, 10, shape[-1])).astype(np.float32)
    node = Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(kernel, np.float32([0.3])))
    made, bias = stepped(node)
    flat = by_channel(Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(made,)))
    step = np.abs(by_channel(node)).max(axis=0) / 127
    levels = flat / step
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    np.testing.assert_allclose(np.abs(levels).max(axis=0), 127, atol=1e-3)
    assert np.abs(flat - by_channel(node)).max() <= step.max() / 2 * 1.001 and bias == np.float32(0.3)


def test_a_channel_of_zeros():
    node = Node(name="n", kind="Dense", inputs=(), shape=(2,), weights=(np.zeros((4, 2), np.float32),))
    assert (stepped(node)[0] == 0).all()


def test_the_range_of_a_scaling():
    even = Scaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
    assert even.range == pytest.approx((-1, 1))
    raw = Scaling(matrix=np.eye(3, dtype=np.float32), offset=np.zeros(3, np.float32))
    assert raw.range == (0, 255)
    mixed = Scaling(matrix=np.diag([1, -2, 0.5]).astype(np.float32), offset=np.float32([10, 0, 0]))
    assert mixed.range == (-510, 265)
    pixels = np.array([[[[255, 255, 0]]]], np.uint8)
    np.testing.assert_allclose(mixed.scaled(pixels), [[[[265, -510, 0]]]])


def test_a_full_integer_file_that_answers_as_the_model_that_learned(legacy, told, photo_array, as_pixels, tmp_path):
    promised = np.array(
        legacy(
            told
            + f"""
from edgetl.engines.tfmot_qat import QuantizationAware
scaling = Scaling(matrix=np.diag([1 / 127.5, 1 / 100, 1 / 110]).astype(np.float32), offset=np.float32([-1, -0.9, -1.1]))
aware = QuantizationAware(folding.folded(net), Held(), scaling, watch)
aware.export(Path({str(tmp_path / "saved")!r}))
result = aware.answers(Held()).tolist()
"""
        )
    )
    path, int8 = tmp_path / "model.tflite", methods.find("qat8")
    path.write_bytes(to_tflite.convert(tmp_path / "saved", int8, as_pixels(photo_array[:4] // 8)))
    to_tflite.check(path, int8)
    found = to_tflite.census(path)
    assert found.operators == {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 1,
        "FULLY_CONNECTED": 1,
        "MEAN": 1,
        "QUANTIZE": 2,
        "SOFTMAX": 1,
    }
    # The few dark photos given to the converter set no range: all of them are in the graph.
    answered = litert.predict(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    assert (answered.argmax(1) == promised.argmax(1)).mean() >= 0.96
    assert np.abs(answered - promised).max() < 0.12
