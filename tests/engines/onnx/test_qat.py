"""onnx_aware: a model that learned with the rounding becomes integers that answer as it does."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import qat as onnx_qat
from edgetl.engines.onnx import runtime as onnx_runtime

CARD = onnx_convert.ModelMetadata(classes=("a", "b", "c"), input=InputSpec(side_px=32, fit="crop"))


@pytest.fixture(scope="module")
def learned(legacy, told, tmp_path_factory):
    """The SavedModel of a small quantization-aware model, and what that answers."""
    saved = tmp_path_factory.mktemp("learned") / "saved"
    answers = legacy(
        told
        + f"""
from edgetl.engines.tfmot.qat import QatModel
scaling = Scaling(matrix=np.diag([1 / 127.5, 1 / 100, 1 / 110]).astype(np.float32), offset=np.float32([-1, -0.9, -1.1]))
aware = QatModel(folding.folded(net), Held(), scaling, watch)
aware.export(Path({str(saved)!r}))
result = aware.answers(Held()).tolist()
"""
    )
    return saved, np.array(answers)


@pytest.fixture(scope="module")
def path(learned):
    made = learned[0].parent / "model.onnx"
    made.write_bytes(onnx_qat.convert_qat(learned[0], CARD))
    return made


def test_the_file_is_in_integers_throughout(path):
    onnx_inspect.check_file(path, METHODS["qat8"])
    planned = onnx_runtime.count_planned_operators(path)
    assert planned["QLinearConv"] == 4, "the scaling of the pixels and three convolutions"
    assert not {"Conv", "FusedConv", "MatMul", "Gemm"} & set(planned)


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_it_answers_as_the_model_that_learned(path, learned, photo_array, as_pixels, kernels):
    answered = onnx_runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
    assert (answered.argmax(1) == learned[1].argmax(1)).mean() >= 0.96
    assert np.abs(answered - learned[1]).max() < 0.12


def test_the_weights_are_those_that_were_learned(path, learned):
    """Every kernel of the file, taken back to float, is the kernel in the SavedModel, whose values are whole steps."""
    kept = [
        np.sort(np.unique(np.abs(kernel)))
        for kernel in _kernels(onnx_convert.trace_saved_model(learned[0], "serving_default"))
    ]
    made = [np.sort(np.unique(np.abs(kernel))) for kernel in _kernels(onnx_graph.read_model(path))]
    assert len(kept) == len(made) == 5
    for before, after in zip(kept, made, strict=True):
        assert np.allclose(before[-5:], after[-5:], rtol=1e-5)


def _kernels(model):
    """The weights of each heavy operator, taken back to float."""
    graph = onnx_graph.canonicalize(model)
    constants, made_by = onnx_graph.map_initializers(graph), onnx_graph.map_producers(graph)
    for node in graph.graph.node:
        if node.op_type not in onnx_graph.WEIGHTED_OPS:
            continue
        maker = made_by.get(node.input[1])
        if maker is None:
            yield onnx_graph.to_array(constants[node.input[1]])
            continue
        integers, scales = (onnx_graph.to_array(constants[name]) for name in maker.input[:2])
        axis = next(attribute.i for attribute in maker.attribute if attribute.name == "axis")
        yield integers * scales.reshape([-1 if place == axis else 1 for place in range(integers.ndim)])


def convolution(weights, bias):
    """A graph of one convolution between roundings, as `_write_integers` finds it."""
    constants = {"w": weights, "b": bias, "scale": np.float32(0.5), "zero": np.int8(0)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"], name="d"),
        helper.make_node("Conv", ["d", "w", "b"], ["y"], name="conv"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, len(bias), 1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_a_channel_with_next_to_no_weights_keeps_its_bias():
    """In steps of its own weights the bias would not fit into 32 bits."""
    weights, bias = np.float32([1.27, 1e-24, 0.0]).reshape(3, 1, 1, 1), np.float32([0.1, 3.0, -2.0])
    model = convolution(weights, bias)
    onnx_qat._write_integers(model, model.graph.node[2])
    constants = onnx_graph.map_initializers(model)
    integers, scales = (onnx_graph.to_array(constants[f"conv/2/{which}"]) for which in ("integers", "scales"))
    assert integers.dtype == np.int32 and np.allclose(integers * scales, [0.1, 3.0, -2.0], rtol=0.03)
    assert integers.tolist()[0] == 20, "a step of the weights times a step of what is eaten: 0.01 x 0.5"
    whole = onnx_graph.to_array(constants["conv/1/integers"])
    assert whole.ravel().tolist() == [127, 0, 0]


def test_unsigned_steps_become_signed_ones():
    model = convolution(np.float32([1.0]).reshape(1, 1, 1, 1), np.float32([0.0]))
    onnx_graph.map_initializers(model)["zero"].CopyFrom(numpy_helper.from_array(np.uint8(200), "zero"))
    onnx_qat._sign(model)
    zero = onnx_graph.to_array(onnx_graph.map_initializers(model)["zero"])
    assert zero.dtype == np.int8 and zero == 72


def test_what_eats_floats_is_refused(tmp_path, monkeypatch):
    model = convolution(np.float32([1.0]).reshape(1, 1, 1, 1), np.float32([0.0]))
    del model.graph.node[:2]
    model.graph.node[0].input[0] = "x"
    monkeypatch.setattr(onnx_qat, "traced", lambda *_: model)
    with pytest.raises(StageError, match=r"could not make qat8: Conv .* takes floats") as caught:
        onnx_qat.convert_qat(tmp_path, CARD)
    assert "choose another --method" in caught.value.hint


def chained(*nodes):
    """QuantizeLinear and DequantizeLinear, then these nodes from "d" to "e", then QuantizeLinear; with constants."""
    constants = {"half": np.float32(0.5), "six": np.float32(6), "nothing": np.float32(0), "zero": np.int8(0)}
    graph = helper.make_graph(
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
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def node(kind, given, made):
    return helper.make_node(kind, given, [made], name=made)


@pytest.mark.parametrize(
    ("nodes", "scales"),
    [
        # A swish: its sigmoid lies between 0 and 1.
        ([node("Sigmoid", ["d"], "s"), node("Mul", ["d", "s"], "e")], {"s": 1 / 256}),
        # A hard swish: up to six, then a multiple of that, with the constant on either side.
        (
            [
                node("Clip", ["d", "nothing", "six"], "c"),
                node("Mul", ["half", "c"], "m"),
                node("Mul", ["d", "m"], "e"),
            ],
            {"c": 6 / 255, "m": 3 / 255},
        ),
        # What only moves numbers has the steps of what it moves.
        ([node("MaxPool", ["d"], "p"), node("Sigmoid", ["p"], "e")], {"p": 0.5}),
        # So has an average of it; and what is put side by side takes steps that hold all of it.
        (
            [
                node("AveragePool", ["d"], "p"),
                node("Sigmoid", ["d"], "s"),
                node("Concat", ["p", "s"], "k"),
                node("Neg", ["k"], "e"),
            ],
            {"p": 0.5, "s": 1 / 256, "k": 0.5},
        ),
        # Branches that are rounded when they have been put side by side are rounded so before.
        ([node("Relu", ["d"], "r"), node("Concat", ["r", "d"], "e")], {"r": 0.5}),
        # A clip that merges with what comes before it is rounded as a whole.
        ([node("Add", ["d", "half"], "a"), node("Clip", ["a", "nothing", "six"], "e")], {}),
    ],
)
def test_what_a_layer_computes_inside_is_rounded_by_what_it_is(nodes, scales):
    model = chained(*nodes)
    onnx_qat._surround(model)
    made_by, read_by, constants = (
        found(model) for found in (onnx_graph.map_producers, onnx_graph.map_consumers, onnx_graph.map_initializers)
    )
    assert {name.removesuffix("/integers") for name in made_by if name.endswith("/integers")} == set(scales)
    for name, scale in scales.items():
        (rounding,) = read_by[name]
        assert rounding.op_type == "QuantizeLinear" and np.isclose(
            onnx_graph.to_array(constants[rounding.input[1]]), scale
        )
        assert [taker.op_type for taker in read_by[rounding.output[0]]] == ["DequantizeLinear"]
