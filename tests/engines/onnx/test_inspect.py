"""onnx_census: a file that is not what its method promises is refused by the name of what is wrong."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import inspect as onnx_inspect

CARD = onnx_convert.ModelMetadata(classes=("a", "b", "c"), input=InputSpec(side_px=32, fit="crop"))
NAMES = ("float32", "float16", "dynamic", "int8", "int8_u8s8")


@pytest.fixture(scope="module")
def made(small_model, photo_array, as_pixels, tmp_path_factory, onnx_bytes):
    """Method → .onnx."""
    root, paths = tmp_path_factory.mktemp("made"), {}
    keras_model.save_model(small_model(), root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "saved", "uint8")
    for name in NAMES:
        paths[name] = root / f"{name}.onnx"
        paths[name].write_bytes(onnx_bytes(root / "saved", name, as_pixels(photo_array), CARD))
    return paths


def refused(path, name: str, match: str) -> None:
    with pytest.raises(StageError, match=match) as caught:
        onnx_inspect.check_file(path, METHODS[name])
    assert caught.value.message.startswith(f"the {name} file is not what it should be")


def changed(path, tmp_path, change):
    """A copy of the file after `change(model)`."""
    model = onnx_graph.read_model(path)
    change(model)
    other = tmp_path / "changed.onnx"
    other.write_bytes(model.SerializeToString())
    return other


def test_ends_operators_and_dtypes(made):
    found = onnx_inspect.summarize_file(made["int8"])
    assert (found.input.name, found.input.shape, found.input.dtype) == ("image", (1, 32, 32, 3), "uint8")
    assert (found.output.name, found.output.shape, found.output.dtype) == ("scores", (1, 3), "float32")
    assert found.operators["Conv"] == 3 and found.operators["Transpose"] == 1
    assert "int8" in found.tensor_dtypes and "float16" not in found.tensor_dtypes
    assert onnx_inspect.summarize_file(made["float16"]).tensor_dtypes["float16"] > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_no_file_passes_for_another_methods(made, name, other):
    if name == other or (name, other) == ("int8", "dynamic"):
        return  # Rounded weights are all that `dynamic` promises.
    if other == "dynamic" and name == "int8_u8s8":
        return
    with pytest.raises(StageError):
        onnx_inspect.check_file(made[name], METHODS[other])


def test_an_int8_file_with_a_float_convolution(made, photo_array, as_pixels, tmp_path):
    """What the quantizer makes when it is told to leave one out."""
    model = onnx_graph.read_model(made["float32"])
    given, path = tmp_path / "given.onnx", tmp_path / "island.onnx"
    onnx.save_model(onnx.shape_inference.infer_shapes(model), given)
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    quantization.quantize_static(
        given,
        path,
        onnx_calibrate._OneByOne(as_pixels(photo_array), lambda _: None),
        per_channel=True,
        nodes_to_exclude=[
            *convolutions[1:2],
            model.graph.node[-1].name,
            *onnx_graph.find_input_preprocessing(model)[0],
        ],
    )
    refused(path, "int8", f"the weights of Conv '{convolutions[1]}' are float32")


def test_weights_quantized_as_a_whole(made, photo_array, as_pixels, tmp_path):
    model = onnx_graph.read_model(made["float32"])
    given, path = tmp_path / "given.onnx", tmp_path / "coarse.onnx"
    onnx.save_model(onnx.shape_inference.infer_shapes(model), given)
    excluded = [model.graph.node[-1].name, *onnx_graph.find_input_preprocessing(model)[0]]
    photos = onnx_calibrate._OneByOne(as_pixels(photo_array), lambda _: None)
    quantization.quantize_static(given, path, photos, nodes_to_exclude=excluded)
    refused(path, "int8", "has 1 scales for 8 channels")


def test_a_float_that_slips_past_its_quantizer(made, tmp_path):
    def bypass(model):
        """The second convolution reads what the first one gave before it was rounded."""
        made_by = onnx_graph.map_producers(model)
        second = [node for node in model.graph.node if node.op_type == "Conv"][1]
        second.input[0] = made_by[made_by[second.input[0]].input[0]].input[0]

    refused(changed(made["int8"], tmp_path, bypass), "int8", "takes a float|hands over a float")


def test_two_transposes_too_many(made, tmp_path):
    def there_and_back(model):
        (first,) = onnx_graph.map_consumers(model)["image"]
        for name, given, axes in (("one", "image", [0, 3, 1, 2]), ("two", "one", [0, 2, 3, 1])):
            model.graph.node.insert(0, helper.make_node("Transpose", [given], [name], name=name, perm=axes))
        model.graph.node.insert(0, model.graph.node.pop(1))
        first.input[0] = "two"

    refused(changed(made["float32"], tmp_path, there_and_back), "float32", "3 Transpose operators, 1 is enough")


def test_an_operator_that_is_not_onnx_s_own(made, tmp_path):
    def fused(model):
        model.graph.node[-1].domain = "com.microsoft"
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    refused(changed(made["float32"], tmp_path, fused), "float32", "not ONNX's own but com.microsoft's")


def test_an_input_of_floats(made, tmp_path):
    def floats(model):
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT

    refused(changed(made["float32"], tmp_path, floats), "float32", "input 'image' is not uint8 'image' for one photo")


def test_a_zero_point_of_another_kind(made, tmp_path):
    refused(made["int8_u8s8"], "int8", "is quantized to uint8")
    refused(made["int8"], "int8_u8s8", "is quantized to int8")


def test_onnxruntime_is_asked_what_it_runs(made, monkeypatch):
    monkeypatch.setattr(onnx_inspect.onnx_runtime, "planned", lambda _: {"QLinearConv": 2, "Conv": 1})
    refused(made["int8"], "int8", "onnxruntime computes 1 Conv in float")


def test_a_scale_more_than_channels(made, tmp_path):
    def longer(model):
        constants, made_by = onnx_graph.map_initializers(model), onnx_graph.map_producers(model)
        node = next(node for node in model.graph.node if node.op_type == "MatMul")
        scale = made_by[node.input[1]].input[1]
        constants[scale].CopyFrom(numpy_helper.from_array(np.ones(4, np.float32), scale))

    path = changed(made["dynamic"], tmp_path, longer)
    with pytest.raises((StageError, onnx.shape_inference.InferenceError)):
        onnx_inspect.check_file(path, METHODS["dynamic"])
