"""calibrate.py: int8 files from one calibration equal onnxruntime's, and layers stay in float by name."""

import json

import numpy as np
import onnx
import pytest
from onnxruntime import quantization

from edgetl.core import methods
from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.engines.onnx import calibrate, convert, graph, inspect, runtime

INT8 = METHODS["int8"]


def write(path, content):
    path.write_bytes(content)
    return path


def read(path):
    """Return the constants of a file whose integers decide what it computes: all but the float ones."""
    model = graph.read_model(path)
    return [value for value in model.graph.initializer if value.data_type != onnx.TensorProto.FLOAT]


def test_the_int8_file_computes_what_that_of_quantize_static_does(
    translated_onnx, onnx_files, photo_array, as_pixels, tmp_path
):
    """onnxruntime's function does the same in one step from photos to file."""
    model = onnx.load_model_from_string(translated_onnx)
    scaling, scaled_pixels = graph.find_input_preprocessing(model)
    unquantized, expected = tmp_path / "unquantized.onnx", tmp_path / "expected.onnx"
    onnx.save_model(onnx.shape_inference.infer_shapes(model), unquantized)
    pixel_quantization = calibrate._derive_pixel_quantization(model, scaled_pixels, INT8)
    quantization.quantize_static(
        unquantized,
        expected,
        calibrate._PhotoReader(as_pixels(photo_array), lambda _: None),
        per_channel=True,
        activation_type=quantization.QuantType.QInt8,
        nodes_to_exclude=[*scaling, model.graph.node[-1].name],
        extra_options={"TensorQuantOverrides": {scaled_pixels: [pixel_quantization]}},
    )
    outputs = [
        runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None).raw
        for path in (onnx_files["int8"], expected)
    ]
    np.testing.assert_array_equal(*outputs)


def test_scaled_pixels_have_255_levels(onnx_files):
    """With a calibrated range, half of the levels of an input in -1..1 would be merged."""
    model = graph.read_model(onnx_files["int8"])
    _, scaled_pixels = graph.find_input_preprocessing(model)
    (quantizer,) = graph.map_consumers(model)[scaled_pixels]
    constants = graph.map_initializers(model)
    scale, zero_point = (float(graph.to_array(constants[name])) for name in quantizer.input[1:3])
    assert (quantizer.op_type, zero_point) == ("QuantizeLinear", 0.0)
    steps = (np.arange(256) / 127.5 - 1).astype(np.float32) / np.float32(scale)
    assert len({*np.rint(steps).tolist()}) == 255 and np.abs(steps).max() < 127.5


@pytest.mark.parametrize("count", [1, 2, 4])
def test_named_layers_stay_in_float(calibrated_onnx, layers, photo_array, as_pixels, metadata, tmp_path, count):
    selected = [layer.name for layer in ladder.select_weighted_layers(layers)[:count]]
    method = methods.find_method(f"mixed8-{count}")
    path = write(tmp_path / "mixed.onnx", calibrate.quantize_model(calibrated_onnx, method, selected, metadata))
    inspect.check_file(path, method)
    assert sorted(inspect._list_float_layers(graph.read_model(path))) == sorted(selected)
    with pytest.raises(StageError, match=r"the weights of (Conv|MatMul) .* are float32"):
        inspect.check_file(path, INT8)
    with pytest.raises(StageError, match="computes in float"):
        inspect.check_file(path, methods.find_method(f"mixed8-{count + 1}"))
    scores = runtime.predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None).scores
    assert scores.shape == (len(photo_array), 3) and np.allclose(scores.sum(axis=1), 1, atol=0.02)


def quantize_second_convolution_in_float(calibrated, metadata, path):
    model = onnx.load_model_from_string(calibrated)
    second = [node.name for node in model.graph.node if node.op_type == "Conv"][1]
    return write(path, calibrate.quantize_model(calibrated, methods.find_method("mixed8-1"), [second], metadata))


def test_onnxruntime_leaves_the_weights_of_float_layers_in_float(
    calibrated_onnx, photo_array, as_pixels, metadata, tmp_path
):
    path = quantize_second_convolution_in_float(calibrated_onnx, metadata, tmp_path / "mixed.onnx")
    inspect.check_file(path, methods.find_method("mixed8-1"))
    optimized, reference = (
        runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
        for kernels in ("onnxruntime", "reference")
    )
    assert np.abs(optimized - reference).max() < 0.01


def test_without_prevention_onnxruntime_quantizes_them(calibrated_onnx, metadata, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrate, "_prevent_weight_requantization", lambda *_: None)
    path = quantize_second_convolution_in_float(calibrated_onnx, metadata, tmp_path / "mixed.onnx")
    with pytest.raises(StageError, match="onnxruntime computes nothing in float, not 1"):
        inspect.check_file(path, methods.find_method("mixed8-1"))


def test_float_layers_bring_the_scores_closer_to_keras(
    calibrated_onnx, onnx_files, layers, photo_array, as_pixels, metadata, tmp_path
):
    """With all layers in float, only the rounding of activations is left."""
    weighted = [layer.name for layer in ladder.select_weighted_layers(layers)]
    mixed = write(tmp_path / "mixed.onnx", calibrate.quantize_model(calibrated_onnx, INT8, weighted, metadata))
    expected, int8, mixed8 = (
        runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None).scores
        for path in (onnx_files["float32"], onnx_files["int8"], mixed)
    )
    assert np.abs(mixed8 - expected).mean() < np.abs(int8 - expected).mean()


def test_a_calibrated_graph_computes_in_float_and_contains_sorted_ranges(calibrated_onnx, translated_onnx):
    model = onnx.load_model_from_string(calibrated_onnx)
    (ranges,) = [prop.value for prop in model.metadata_props]
    names = list(json.loads(ranges)["data"])
    assert names == sorted(names) and len(names) > 4, "in the order of a set, two processes would differ"
    del model.metadata_props[:]
    assert model.SerializeToString(deterministic=True) == translated_onnx


def test_other_calibration_photos_give_other_ranges(calibrated_onnx, translated_onnx, photo_array, as_pixels):
    dark = calibrate.calibrate_model(translated_onnx, as_pixels(photo_array // 8), lambda _: None)
    assert dark != calibrated_onnx


@pytest.mark.parametrize("kind", [RuntimeError, runtime.RUNTIME_ERRORS[0], onnx.shape_inference.InferenceError])
def test_an_error_of_the_quantizer_is_reported_by_its_first_line(
    kind, calibrated_onnx, translated_onnx, as_pixels, photo_array, metadata, monkeypatch
):
    def fail(*_, **__):
        raise kind("no kernel\nand more")

    monkeypatch.setattr(quantization, "quantize_static", fail)
    with pytest.raises(StageError, match=r"the ONNX quantizer failed: no kernel$"):
        calibrate.quantize_model(calibrated_onnx, INT8, (), metadata)
    with pytest.raises(StageError, match=r"onnxruntime could not calibrate: no kernel$"):
        calibrate.calibrate_model(translated_onnx, as_pixels(photo_array[:1]), lambda _: None)


def test_the_converter_errors_contain_those_of_the_runtime():
    assert set(runtime.RUNTIME_ERRORS) <= set(convert.CONVERTER_ERRORS)


def test_unsigned_activations_are_the_signed_ones_plus_a_constant(onnx_files):
    """So int8_u8s8 computes the same integers, wherever sums of products do not saturate."""
    signed, unsigned = ({value.name: value for value in read(onnx_files[name])} for name in ("int8", "int8_u8s8"))
    shifts = []
    # The number in the name of a constant that two nodes share may differ.
    for name in signed.keys() & unsigned.keys():
        before, after = (graph.to_array(values[name]).astype(int) for values in (signed, unsigned))
        if signed[name].data_type == unsigned[name].data_type:
            np.testing.assert_array_equal(after, before)
        else:
            shifts.append(int(after - before))
    # The pixels have 254 quantization steps, from -127 or from 0 on.
    assert len(shifts) >= 3 and set(shifts) == {127, 128}
