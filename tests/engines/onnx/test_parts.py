"""parts.py: a part of a graph has only the nodes that its outputs depend on."""

import numpy as np
import onnx
from onnx import TensorProto

from edgetl.engines.onnx import runtime
from edgetl.engines.onnx.parts import compute_part, cut_graph


def test_a_part_has_only_the_nodes_that_its_outputs_depend_on(translated_onnx):
    model = onnx.load_model_from_string(translated_onnx)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    part = onnx.load_model_from_string(cut_graph(model, [convolutions[0].output[0]], TensorProto.FLOAT))
    assert [node.name for node in part.graph.node if node.op_type == "Conv"] == [convolutions[0].name]
    assert [output.name for output in part.graph.output] == [convolutions[0].output[0]]
    assert {tensor.name for tensor in part.graph.initializer} <= {
        name for node in part.graph.node for name in node.input
    }


def test_values_are_in_the_order_of_the_photos(onnx_files, photo_array, as_pixels):
    photos = as_pixels(photo_array)
    content = onnx_files["int8"].read_bytes()
    scores = compute_part(content, photos, lambda _, outputs: outputs[0][0])
    expected = runtime.predict_file(onnx_files["int8"], photos, "onnxruntime", lambda _: None).raw
    np.testing.assert_array_equal(scores, expected)
