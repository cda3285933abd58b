"""graph.py: constants of a file can be read and replaced, and parts of it run."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgetl.engines.tflite.calibrate import quantize_model
from edgetl.engines.tflite.graph import TFLiteGraph


@pytest.fixture
def graph(calibrated_tflite):
    return TFLiteGraph(quantize_model(calibrated_tflite))


def test_a_file_that_is_packed_again_predicts_the_same(calibrated_tflite, graph, photo_array):
    outputs = []
    for content in (quantize_model(calibrated_tflite), graph.pack()):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo_array[:1])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(*outputs)
    assert Interpreter(model_content=graph.pack()).get_signature_list()["serving_default"]["outputs"] == ["scores"]


def test_constants_are_replaced_with_their_scales(graph):
    weights = graph.operators[graph.list_weighted()[0]].inputs[1]
    values = graph.read(weights)
    scales = [0.5] * len(graph.get_tensor(weights).quantization.scale)
    graph.write(weights, -values, scales)
    again = TFLiteGraph(graph.pack())
    np.testing.assert_array_equal(again.read(weights), -values)
    assert list(again.get_tensor(weights).quantization.scale) == scales


def test_a_part_outputs_the_tensors_that_are_named(graph):
    place = graph.list_weighted()[1]
    tensor = graph.operators[place].inputs[0]
    interpreter = Interpreter(model_content=graph.pack([tensor], place))
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()
    assert output["shape"].tolist() == list(graph.get_tensor(tensor).shape) and output["dtype"] == np.int8
    # The whole file is the same afterwards.
    assert len(TFLiteGraph(graph.pack()).operators) == len(graph.operators)


def test_uses_of_constants_are_counted(graph):
    operators = [graph.operators[place] for place in graph.list_weighted()]
    assert [graph.count_uses(operator.inputs[1]) for operator in operators] == [1] * len(operators)
    operators[1].inputs = [operators[1].inputs[0], operators[0].inputs[1], operators[1].inputs[2]]
    assert graph.count_uses(operators[0].inputs[1]) == 2


def test_a_constant_that_two_operators_have_is_copied_for_one(graph, calibrated_tflite):
    """The biases of two layers without a bias of their own are the same zeros."""
    first, second, *_ = graph.list_weighted()
    biases = graph.operators[first].inputs[2]
    assert graph.count_uses(biases) == 2
    graph.separate(first, 2)
    assert graph.count_uses(biases) == graph.count_uses(graph.operators[first].inputs[2]) == 1
    graph.write(graph.operators[first].inputs[2], graph.read(biases) + 1)
    again = TFLiteGraph(graph.pack())
    assert [int(again.read(again.operators[place].inputs[2]).max()) for place in (first, second)] == [1, 0]
    # Nothing to copy: one use, and no input at this position.
    tensors = [graph.operators[first].inputs[2], len(graph.operators[first].inputs)]
    graph.separate(first, 2)
    graph.separate(first, 3)
    assert tensors == [graph.operators[first].inputs[2], len(graph.operators[first].inputs)]


def test_activations_are_not_constants(graph):
    operator = graph.operators[graph.list_weighted()[0]]
    assert [graph.is_constant(index) for index in operator.inputs[:2]] == [False, True]
