"""sums.py: a bias that is not constant becomes an addition of the same value, and a constant one stays."""

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgetl.engines.onnx import runtime
from edgetl.engines.onnx.sums import restore_sums

_NUMBERS = np.random.default_rng(0)
INPUT = _NUMBERS.normal(size=(1, 4)).astype(np.float32)
WEIGHTS = _NUMBERS.normal(size=(4, 4)).astype(np.float32)
KERNEL = WEIGHTS.reshape(4, 4, 1, 1)
TANH = helper.make_node("Tanh", ["x"], ["t"], name="tanh")


def make_model(*nodes: NodeProto, **constants: np.ndarray) -> ModelProto:
    return helper.make_model(
        helper.make_graph(
            nodes,
            "sums",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def predict(model: ModelProto) -> np.ndarray:
    return np.asarray(runtime.open_unoptimized(model).run(None, {"x": INPUT})[0])


def restore(model: ModelProto) -> list[tuple[str, int]]:
    """Restore the sums of a model and check that it outputs the same; return its operators with their inputs."""
    expected = predict(model)
    restore_sums(model)
    np.testing.assert_allclose(predict(model), expected, rtol=1e-6)
    return [(node.op_type, len(node.input)) for node in model.graph.node]


@pytest.mark.parametrize("factors", [{}, {"transB": 1}, {"alpha": 2.0}])
def test_a_gemm_with_another_output_as_its_bias_becomes_a_sum(factors):
    gemm = helper.make_node("Gemm", ["x", "w", "t"], ["y"], name="gemm", **factors)
    assert restore(make_model(TANH, gemm, w=WEIGHTS)) == [("Tanh", 1), ("Gemm", 2), ("Add", 2)]


def test_a_gemm_with_its_own_input_as_its_bias_keeps_its_input():
    gemm = helper.make_node("Gemm", ["x", "w", "x"], ["y"], name="gemm")
    assert restore(make_model(gemm, w=WEIGHTS)) == [("Gemm", 2), ("Add", 2)]


def test_a_gemm_with_a_factor_for_its_bias_stays():
    gemm = helper.make_node("Gemm", ["x", "w", "t"], ["y"], name="gemm", beta=0.5)
    assert restore(make_model(TANH, gemm, w=WEIGHTS)) == [("Tanh", 1), ("Gemm", 3)]


def test_a_constant_bias_stays():
    """Also if it is the output of an operator with constant inputs only."""
    nodes = (
        helper.make_node("Gemm", ["x", "w", "b"], ["g"], name="gemm1"),
        helper.make_node("Neg", ["b"], ["n"], name="negative"),
        helper.make_node("Gemm", ["g", "w", "n"], ["y"], name="gemm2"),
    )
    assert restore(make_model(*nodes, w=WEIGHTS, b=INPUT[0])) == [("Gemm", 3), ("Neg", 1), ("Gemm", 3)]


def test_a_convolution_with_another_output_as_its_bias_becomes_a_sum():
    nodes = (
        TANH,
        helper.make_node("Reshape", ["x", "s"], ["m"], name="map"),
        helper.make_node("Reshape", ["t", "c"], ["b"], name="vector"),
        helper.make_node("Conv", ["m", "w", "b"], ["y"], name="conv"),
    )
    model = make_model(*nodes, w=KERNEL, s=np.array([1, 4, 1, 1]), c=np.array([4]))
    assert restore(model)[3:] == [("Conv", 2), ("Reshape", 2), ("Add", 2)]


def test_a_convolution_with_another_output_as_its_second_bias_keeps_the_first():
    """tf2onnx makes such a convolution, which is invalid."""
    nodes = (
        TANH,
        helper.make_node("Reshape", ["x", "s"], ["m"], name="map"),
        helper.make_node("Reshape", ["t", "c"], ["b"], name="vector"),
        helper.make_node("Conv", ["m", "w", "k", "b"], ["y"], name="conv"),
    )
    model = make_model(*nodes, w=KERNEL, s=np.array([1, 4, 1, 1]), c=np.array([4]), k=INPUT[0])
    restore_sums(model)
    expected = WEIGHTS @ INPUT[0] + INPUT[0] + np.tanh(INPUT[0])
    np.testing.assert_allclose(predict(model).ravel(), expected, rtol=1e-5)
    assert [(node.op_type, len(node.input)) for node in model.graph.node[3:]] == [
        ("Conv", 3),
        ("Reshape", 2),
        ("Add", 2),
    ]
