"""inspect.py: what is read from a file is what it contains, and a file without its method's properties is rejected."""

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.engines.onnx import calibrate, graph, inspect, runtime

CONVERTED = [name for name, method in METHODS.items() if "onnx" in method.formats and not method.float_layers]
DTYPES = ("float32", "float16", "dynamic", "int8", "int8_u8s8")
# dynamic has int8 weights and no requirement for activations, so these files have its properties too.
ALSO_DYNAMIC = {("int8", "dynamic"), ("int8_u8s8", "dynamic")}


def check_rejected(path, name: str, match: str) -> None:
    with pytest.raises(StageError, match=match) as caught:
        inspect.check_file(path, METHODS[name])
    assert caught.value.message.startswith(f"the {name} file failed its check: ")


@pytest.fixture
def edit_file(tmp_path):
    """Return a function that writes a copy of a file after a change of its model."""

    def edit(path, change):
        model = graph.read_model(path)
        change(model)
        copy = tmp_path / "changed.onnx"
        copy.write_bytes(model.SerializeToString())
        return copy

    return edit


def find_node(model, op_type):
    return next(node for node in model.graph.node if node.op_type == op_type)


@pytest.mark.parametrize("name", CONVERTED)
def test_the_file_of_every_method_passes_its_check(onnx_files, name):
    inspect.check_file(onnx_files[name], METHODS[name])


def test_a_summary_has_inputs_operators_and_dtypes(onnx_files):
    summary = inspect.summarize_file(onnx_files["int8"])
    assert (summary.input.name, summary.input.shape, summary.input.dtype) == ("image", (1, 32, 32, 3), "uint8")
    assert (summary.output.name, summary.output.shape, summary.output.dtype) == ("scores", (1, 3), "float32")
    assert summary.operators["Conv"] == 3 and summary.operators["Transpose"] == 1
    assert "int8" in summary.tensor_dtypes and "float16" not in summary.tensor_dtypes
    assert inspect.summarize_file(onnx_files["float16"]).tensor_dtypes["float16"] > 0


@pytest.mark.parametrize("name", DTYPES)
def test_weights_are_read_by_output_channel_in_every_dtype(onnx_files, small_model, name):
    weights = list(inspect.read_weights(onnx_files[name]))
    assert sorted(array.shape for array in weights) == [(3, 128), (8, 9), (8, 27), (128, 8)]
    # The integers are the trained weights but for the scale of each channel.
    trained = small_model().get_layer("conv3").get_weights()[0].reshape(8, 128).T
    conv3 = next(array for array in weights if array.shape == (128, 8)).astype(np.float64)
    scales = np.abs(conv3).max(axis=1, keepdims=True) / np.abs(trained).max(axis=1, keepdims=True)
    np.testing.assert_allclose(conv3 / scales, trained, atol=1e-2 * np.abs(trained).max())


@pytest.mark.parametrize(("name", "checked_for"), sorted({*itertools.permutations(DTYPES, 2)} - ALSO_DYNAMIC))
def test_the_file_of_one_method_fails_the_check_of_another(onnx_files, name, checked_for):
    check_rejected(onnx_files[name], checked_for, "failed its check: ")


@pytest.mark.parametrize(("name", "checked_for"), sorted(ALSO_DYNAMIC))
def test_an_int8_file_passes_the_check_of_dynamic(onnx_files, name, checked_for):
    inspect.check_file(onnx_files[name], METHODS[checked_for])


def quantize_with_onnxruntime(path, photos, folder, **settings):
    """Quantize a float file with quantize_static; return the names of its convolutions and the new file."""
    model = graph.read_model(path)
    unquantized, quantized = folder / "unquantized.onnx", folder / "quantized.onnx"
    onnx.save_model(onnx.shape_inference.infer_shapes(model), unquantized)
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    excluded = [model.graph.node[-1].name, *graph.find_input_preprocessing(model)[0]]
    excluded += [convolutions[number] for number in settings.pop("float_convolutions", ())]
    reader = calibrate._PhotoReader(photos, lambda _: None)
    quantization.quantize_static(unquantized, quantized, reader, nodes_to_exclude=excluded, **settings)
    return convolutions, quantized


def test_an_int8_file_with_a_float_convolution_fails_its_check(onnx_files, photo_array, as_pixels, tmp_path):
    settings = {"float_convolutions": [1], "per_channel": True}
    convolutions, path = quantize_with_onnxruntime(onnx_files["float32"], as_pixels(photo_array), tmp_path, **settings)
    check_rejected(path, "int8", f"the weights of Conv '{convolutions[1]}' are float32")


def test_an_int8_file_with_one_scale_for_all_channels_fails_its_check(onnx_files, photo_array, as_pixels, tmp_path):
    _, path = quantize_with_onnxruntime(onnx_files["float32"], as_pixels(photo_array), tmp_path)
    check_rejected(path, "int8", "has 1 scales for 8 channels")


def test_an_int8_file_with_a_float_activation_fails_its_check(onnx_files, edit_file):
    def bypass_quantizer(model):
        """Let the second convolution consume the output of the first one without its rounding."""
        producers = graph.map_producers(model)
        second = [node for node in model.graph.node if node.op_type == "Conv"][1]
        second.input[0] = producers[producers[second.input[0]].input[0]].input[0]

    check_rejected(edit_file(onnx_files["int8"], bypass_quantizer), "int8", "has a float (input|output)")


def test_a_transpose_that_undoes_another_one_fails_the_check(onnx_files, edit_file):
    def add_transposes(model):
        (first,) = graph.map_consumers(model)["image"]
        there = helper.make_node("Transpose", ["image"], ["there"], name="there", perm=[0, 3, 1, 2])
        back = helper.make_node("Transpose", ["there"], ["back"], name="back", perm=[0, 2, 3, 1])
        model.graph.node.insert(0, there)
        model.graph.node.insert(1, back)
        first.input[0] = "back"

    path = edit_file(onnx_files["float32"], add_transposes)
    check_rejected(path, "float32", "Transpose 'back' undoes another one")


def test_a_transpose_that_other_operators_need_passes_the_check(onnx_files, edit_file):
    """A layer over the channels, such as Flatten or an attention, needs them last again."""

    def add_transposes(model):
        """Put the maximum over the channels between two of them."""
        consumers = graph.map_consumers(model)
        (relu,) = [node for node in model.graph.node if node.op_type == "Conv"][:1]
        last = helper.make_node("Transpose", [relu.output[0]], ["last"], name="last", perm=[0, 2, 3, 1])
        normal = helper.make_node("LpNormalization", ["last"], ["normal"], name="normal", axis=-1)
        first = helper.make_node("Transpose", ["normal"], ["first"], name="first", perm=[0, 3, 1, 2])
        place = list(model.graph.node).index(relu) + 1
        for node in (first, normal, last):
            model.graph.node.insert(place, node)
        for consumer in consumers[relu.output[0]]:
            consumer.input[0] = "first"

    inspect.check_file(edit_file(onnx_files["float32"], add_transposes), METHODS["float32"])


def test_an_operator_of_another_domain_fails_the_check(onnx_files, edit_file):
    def change_domain(model):
        model.graph.node[-1].domain = "com.microsoft"
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    path = edit_file(onnx_files["float32"], change_domain)
    check_rejected(path, "float32", "operator Softmax is not from ONNX but from com.microsoft")


def test_a_float_input_fails_the_check(onnx_files, edit_file):
    def change_dtype(model):
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT

    path = edit_file(onnx_files["float32"], change_dtype)
    check_rejected(path, "float32", "input 'image' is not uint8 'image' for one photo")


def test_scores_without_a_final_softmax_fail_the_check(onnx_files, edit_file):
    def remove_softmax(model):
        softmax = find_node(model, "Softmax")
        producers = graph.map_producers(model)
        dequantizer = producers[softmax.input[0]]
        # The output of the dense layer before its QuantizeLinear.
        last = producers[producers[dequantizer.input[0]].input[0]]
        last.output[0] = "scores"
        for node in (softmax, dequantizer, producers[dequantizer.input[0]]):
            model.graph.node.remove(node)

    check_rejected(edit_file(onnx_files["int8"], remove_softmax), "int8", "outputs the scores in float")


def test_activations_of_another_dtype_fail_the_check(onnx_files):
    check_rejected(onnx_files["int8_u8s8"], "int8", "is quantized to uint8")
    check_rejected(onnx_files["int8"], "int8_u8s8", "is quantized to int8")


def test_a_float_operator_in_the_optimized_graph_fails_the_check(onnx_files, monkeypatch):
    monkeypatch.setattr(runtime, "count_planned_operators", lambda _: {"QLinearConv": 2, "Conv": 1})
    check_rejected(onnx_files["int8"], "int8", "onnxruntime computes 1 Conv in float")


def test_more_scales_than_channels_fail_the_check(onnx_files, edit_file):
    def add_a_scale(model):
        constants, producers = graph.map_initializers(model), graph.map_producers(model)
        scales = producers[find_node(model, "MatMul").input[1]].input[1]
        constants[scales].CopyFrom(numpy_helper.from_array(np.ones(4, np.float32), scales))

    check_rejected(edit_file(onnx_files["dynamic"], add_a_scale), "dynamic", "has 4 scales for 3 channels")
