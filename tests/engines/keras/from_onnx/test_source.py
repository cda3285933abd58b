"""source.py: what cannot be read or run is an error; Erfc, which ONNX lacks, is written with Erf."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.special import erfc

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.from_onnx.source import open_graph, read_onnx
from tests.engines.keras.from_onnx.graphs import compare, make_graph, weights

RELU = helper.make_node("Relu", ["x"], ["y"])
RELU_OF_SUM = helper.make_node("Relu", ["s"], ["y"])


def test_file_is_read(tmp_path):
    onnx.save(make_graph([RELU]), tmp_path / "model.onnx")
    source = read_onnx(tmp_path / "model.onnx")
    assert source.photos == 1 and compare(source, ("photos", 3, 8, 10)) == 0


@pytest.mark.parametrize("content", [b"hello", b"\x08\x08\x12\xff"])
def test_other_content_is_an_error(content, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ConfigError):
        read_onnx(tmp_path / "model.onnx")


def test_weights_in_other_files_are_not_opened():
    model = make_graph([helper.make_node("Add", ["x", "c"], ["y"])], {"c": weights(1)})
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(ConfigError, match="weights are in other files"):
        open_graph(model)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("photos", 3, "height", "width"), r"no fixed size: \['photos', 3, 'height', 'width'\]"),
        (("photos", 30), "must be photos of four axes"),
    ],
)
def test_input_that_is_no_photo_of_a_fixed_size_is_an_error(shape, message):
    with pytest.raises(ConfigError, match=message):
        open_graph(make_graph([RELU], {}, shape))


def test_two_outputs_are_an_error():
    model = make_graph([RELU])
    model.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
    with pytest.raises(ConfigError, match="1 inputs and 2 outputs"):
        open_graph(model)


def test_invalid_graph_is_an_error_of_one_line():
    with pytest.raises(ConfigError, match="the graph cannot be run: ") as caught:
        open_graph(make_graph([helper.make_node("NoSuchOperator", ["x"], ["y"])]))
    assert "\n" not in caught.value.message


def test_erfc_is_computed_with_erf():
    source = open_graph(make_graph([helper.make_node("Erfc", ["x"], ["y"])]))
    photos = np.random.default_rng(0).normal(size=(2, 3, 8, 10)).astype(np.float32)
    assert np.allclose(source.predict(photos), erfc(photos).reshape(2, -1), atol=1e-5)


@pytest.mark.parametrize("version", [3, 8])
def test_constants_that_are_inputs_too_stay_constants(version):
    """PyTorch before 1.3 and Keras2ONNX write such files."""
    model = make_graph([helper.make_node("Add", ["x", "c"], ["s"]), RELU_OF_SUM], {"c": weights(1, 3, 1, 1)}, opset=9)
    model.ir_version = version
    model.graph.input.insert(0, helper.make_tensor_value_info("c", TensorProto.FLOAT, (1, 3, 1, 1)))
    source = open_graph(model)
    assert [value.name for value in source.graph.graph.input] == ["x"]
    assert compare(source, ("photos", 3, 8, 10)) == 0


def test_weights_of_nodes_in_other_files_are_not_opened():
    tensor = numpy_helper.from_array(weights(1), "c")
    tensor.data_location = TensorProto.EXTERNAL
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    add = helper.make_node("Add", ["x", "c"], ["y"])
    with pytest.raises(ConfigError, match="weights are in other files"):
        open_graph(make_graph([constant, add]))
    branch = helper.make_graph([constant], "branch", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)])
    choice = helper.make_node("If", ["condition"], ["c"], then_branch=branch, else_branch=branch)
    with pytest.raises(ConfigError, match="weights are in other files"):
        open_graph(make_graph([choice, add], {"condition": np.array(True)}))


@pytest.mark.parametrize(
    ("outputs", "attributes", "opset"), [(["y"], {"training_mode": 1}, 17), (["y", "m2", "v2", "m3", "v3"], {}, 9)]
)
def test_normalization_exported_as_in_training_is_an_error(outputs, attributes, opset):
    node = helper.make_node("BatchNormalization", ["x", "c", "c", "c", "c"], outputs, name="bn", **attributes)
    with pytest.raises(ConfigError, match="BatchNormalization 'bn' was exported as in training") as caught:
        open_graph(make_graph([node], {"c": weights(3)}, opset=opset))
    assert "model.eval()" in caught.value.hint


def test_opset_that_is_too_new_is_named():
    with pytest.raises(ConfigError, match="written for opset 99, and onnxruntime cannot run it") as caught:
        open_graph(make_graph([RELU], opset=99))
    assert caught.value.hint == "export the model again for opset 21 or an older one"
