"""qat.py: the file of a quantization-aware model computes in integers, and predicts what the model does."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.engines.onnx import convert, graph, inspect, qat, runtime


@pytest.fixture(scope="module")
def path(qat_export, metadata, tmp_path_factory):
    file = tmp_path_factory.mktemp("qat") / "model.onnx"
    file.write_bytes(qat.convert_qat(qat_export / "saved_model", metadata))
    return file


def test_the_file_is_int8_throughout(path):
    inspect.check_file(path, METHODS["qat8"])
    planned = runtime.count_planned_operators(path)
    assert planned["QLinearConv"] == 4, "the input scaling and three convolutions"
    assert not {"Conv", "FusedConv", "MatMul", "Gemm"} & set(planned)


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_the_file_predicts_what_the_model_does(path, qat_export, photo_array, as_pixels, kernels):
    expected = np.load(qat_export / "predictions.npy")
    scores = runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.96
    assert np.abs(scores - expected).max() < 0.12


def read_float_weights(model):
    """Yield the weights of each weighted operator, dequantized."""
    canonical = graph.canonicalize(model)
    constants, producers = graph.map_initializers(canonical), graph.map_producers(canonical)
    for node in canonical.graph.node:
        if node.op_type not in graph.WEIGHTED_OPS:
            continue
        dequantizer = producers.get(node.input[1])
        if dequantizer is None:
            yield graph.to_array(constants[node.input[1]])
            continue
        integers, scales = (graph.to_array(constants[name]) for name in dequantizer.input[:2])
        axis = next(attribute.i for attribute in dequantizer.attribute if attribute.name == "axis")
        yield integers * scales.reshape([-1 if place == axis else 1 for place in range(integers.ndim)])


def test_the_weights_are_those_of_the_model(path, qat_export):
    """The weights of the model are multiples of their scale already."""
    traced = convert.trace_saved_model(qat_export / "saved_model", "serving_default")
    expected, written = (
        [np.unique(np.abs(weights))[-5:] for weights in read_float_weights(model)]
        for model in (traced, graph.read_model(path))
    )
    assert len(expected) == len(written) == 5
    for largest_expected, largest_written in zip(expected, written, strict=True):
        np.testing.assert_allclose(largest_written, largest_expected, rtol=1e-5)


def make_convolution(weights, bias):
    """Make a graph of a convolution with a quantized input, before its weights are quantized."""
    constants = {"w": weights, "b": bias, "scale": np.float32(0.5), "zero": np.int8(0)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"], name="d"),
        helper.make_node("Conv", ["d", "w", "b"], ["y"], name="conv"),
    ]
    content = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, len(bias), 1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(content, opset_imports=[helper.make_opsetid("", 17)])


def test_a_channel_with_tiny_weights_keeps_its_bias():
    """At the scale of its own weights, the bias would not fit into 32 bits."""
    weights, bias = np.float32([1.27, 1e-24, 0.0]).reshape(3, 1, 1, 1), np.float32([0.1, 3.0, -2.0])
    model = make_convolution(weights, bias)
    qat._write_integer_weights(model, model.graph.node[2])
    constants = graph.map_initializers(model)
    integers, scales = (graph.to_array(constants[f"conv/2/{part}"]) for part in ("integers", "scales"))
    assert integers.dtype == np.int32 and np.allclose(integers * scales, bias, rtol=0.03)
    assert integers[0] == 20, "weight scale times input scale is 0.01 * 0.5"
    assert graph.to_array(constants["conv/1/integers"]).ravel().tolist() == [127, 0, 0]


def test_unsigned_activations_become_signed():
    model = make_convolution(np.float32([1.0]).reshape(1, 1, 1, 1), np.float32([0.0]))
    graph.map_initializers(model)["zero"].CopyFrom(numpy_helper.from_array(np.uint8(200), "zero"))
    qat._make_activations_signed(model)
    zero_point = graph.to_array(graph.map_initializers(model)["zero"])
    assert zero_point.dtype == np.int8 and zero_point == 72


def test_a_convolution_with_a_float_input_is_an_error(tmp_path, metadata, monkeypatch):
    model = make_convolution(np.float32([1.0]).reshape(1, 1, 1, 1), np.float32([0.0]))
    del model.graph.node[:2]
    model.graph.node[0].input[0] = "x"
    monkeypatch.setattr(qat, "trace_saved_model", lambda *_: model)
    with pytest.raises(StageError, match=r"could not make qat8: Conv .* has a float input") as caught:
        qat.convert_qat(tmp_path, metadata)
    assert "choose another --method" in caught.value.hint


def make_chain(*nodes):
    """Make a graph of some nodes from "d" to "e" with quantized input and output, and some constants."""
    constants = {"half": np.float32(0.5), "six": np.float32(6), "nothing": np.float32(0), "zero": np.int8(0)}
    content = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "half", "zero"], ["q"], name="q"),
            helper.make_node("DequantizeLinear", ["q", "half", "zero"], ["d"], name="d"),
            *nodes,
            helper.make_node("QuantizeLinear", ["e", "half", "zero"], ["y"], name="y"),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.INT8, [1, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(content, opset_imports=[helper.make_opsetid("", 17)])


def make_node(operator, inputs, output):
    return helper.make_node(operator, inputs, [output], name=output)


@pytest.mark.parametrize(
    ("nodes", "scales"),
    [
        pytest.param(
            [make_node("Sigmoid", ["d"], "s"), make_node("Mul", ["d", "s"], "e")],
            {"s": 1 / 256},
            id="a sigmoid in a swish has its fixed range",
        ),
        pytest.param(
            [
                make_node("Clip", ["d", "nothing", "six"], "c"),
                make_node("Mul", ["half", "c"], "m"),
                make_node("Mul", ["d", "m"], "e"),
            ],
            {"c": 6 / 255, "m": 3 / 255},
            id="a clip in a hard swish has the range of its bounds and a product with a constant a multiple",
        ),
        pytest.param(
            [make_node("MaxPool", ["d"], "p"), make_node("Sigmoid", ["p"], "e")],
            {"p": 0.5},
            id="an operator that moves values has the scale of its input",
        ),
        pytest.param(
            [
                make_node("AveragePool", ["d"], "p"),
                make_node("Sigmoid", ["d"], "s"),
                make_node("Concat", ["p", "s"], "k"),
                make_node("Neg", ["k"], "e"),
            ],
            {"p": 0.5, "s": 1 / 256, "k": 0.5},
            id="an average has the scale of its input and a concatenation the union of ranges",
        ),
        pytest.param(
            [make_node("Relu", ["d"], "r"), make_node("Concat", ["r", "d"], "e")],
            {"r": 0.5},
            id="an input of a quantized concatenation has the scale of the output",
        ),
        pytest.param(
            [make_node("Add", ["d", "half"], "a"), make_node("Clip", ["a", "nothing", "six"], "e")],
            {},
            id="the tensor before a fused activation is not quantized",
        ),
    ],
)
def test_tensors_that_integer_kernels_round_are_quantized(nodes, scales):
    model = make_chain(*nodes)
    qat._insert_missing_qdq(model)
    producers, consumers = graph.map_producers(model), graph.map_consumers(model)
    constants = graph.map_initializers(model)
    quantized = {name.removesuffix("/integers") for name in producers if name.endswith("/integers")}
    assert quantized == set(scales)
    for name, scale in scales.items():
        (quantizer,) = consumers[name]
        assert quantizer.op_type == "QuantizeLinear"
        np.testing.assert_allclose(graph.to_array(constants[quantizer.input[1]]), scale, rtol=1e-5)
        assert [node.op_type for node in consumers[quantizer.output[0]]] == ["DequantizeLinear"]
