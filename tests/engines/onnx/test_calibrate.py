"""onnx_calibrated: one calibration serves every int8 file, and layers stay in float by name."""

import numpy as np
import onnx
import pytest
from onnxruntime import quantization

from edgetl.core import methods
from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import layer_errors as onnx_layer_errors
from edgetl.engines.onnx import runtime as onnx_runtime

CARD = onnx_convert.ModelMetadata(classes=("a", "b", "c"), input=InputSpec(side_px=32, fit="crop"))
KERNELS = ("onnxruntime", "reference")


@pytest.fixture(scope="module")
def root(small_model, tmp_path_factory):
    """model.keras and its SavedModels."""
    root = tmp_path_factory.mktemp("saved")
    keras_model.save_model(small_model(), root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "saved", onnx_convert.KIND)
    return root


@pytest.fixture(scope="module")
def model(root, photo_array, as_pixels):
    seen = []
    made = onnx_calibrate.calibrate_model(
        onnx_convert.translate_saved_model(root / "saved"), as_pixels(photo_array), seen.append
    )
    assert sum(seen) == len(photo_array)
    return made


@pytest.fixture(scope="module")
def layers(model, photo_array, as_pixels):
    return onnx_layer_errors.measure_layer_errors(model, as_pixels(photo_array[::3]))


def written(path, content):
    path.write_bytes(content)
    return path


def test_the_int8_file_is_what_quantize_static_makes(model, root, photo_array, as_pixels, tmp_path):
    """To the bit the same answers as onnxruntime's own road from photos to file."""
    ours = written(tmp_path / "ours.onnx", onnx_calibrate.quantize_model(model, METHODS["int8"], (), CARD))
    onnx_inspect.check_file(ours, METHODS["int8"])
    floats = onnx.load_model_from_string(onnx_convert.translate_saved_model(root / "saved"))
    first, border = onnx_graph.find_input_preprocessing(floats)
    given, theirs = tmp_path / "given.onnx", tmp_path / "theirs.onnx"
    onnx.save_model(onnx.shape_inference.infer_shapes(floats), given)
    quantization.quantize_static(
        given,
        theirs,
        onnx_calibrate._OneByOne(as_pixels(photo_array), lambda _: None),
        per_channel=True,
        activation_type=quantization.QuantType.QInt8,
        nodes_to_exclude=[*first, floats.graph.node[-1].name],
        extra_options={
            "TensorQuantOverrides": {border: [onnx_calibrate._pinned(floats, border, METHODS["int8"])]},
        },
    )
    answers = [
        onnx_runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None).raw
        for path in (ours, theirs)
    ]
    assert np.array_equal(*answers)


def test_the_pixels_keep_their_levels(model):
    """The range of the scaled pixels is known; estimated, half of the levels of a -1..1 network would be merged."""
    graph = onnx.load_model_from_string(onnx_calibrate.quantize_model(model, METHODS["int8"], (), CARD))
    _, border = onnx_graph.find_input_preprocessing(graph)
    (first,) = onnx_graph.map_consumers(graph)[border]
    constants = onnx_graph.map_initializers(graph)
    scale, zero = (float(onnx_graph.to_array(constants[name])) for name in first.input[1:3])
    assert (first.op_type, zero) == ("QuantizeLinear", 0.0)
    levels = (np.arange(256) / 127.5 - 1).astype(np.float32)
    assert len({*np.rint(levels / np.float32(scale)).tolist()}) == 255
    assert np.abs(levels / np.float32(scale)).max() < 127.5


@pytest.mark.parametrize("count", [1, 2, 4])
def test_layers_left_in_float(model, layers, photo_array, as_pixels, tmp_path, count):
    chosen = [layer.name for layer in ladder.select_weighted_layers(layers)[:count]]
    method = methods.find_method(f"mixed8-{count}")
    path = written(tmp_path / "mixed.onnx", onnx_calibrate.quantize_model(model, method, chosen, CARD))
    onnx_inspect.check_file(path, method)
    assert sorted(onnx_inspect._in_float(onnx_graph.read_model(path))) == sorted(chosen)
    with pytest.raises(StageError, match=r"the weights of (Conv|MatMul) .* are float32"):
        onnx_inspect.check_file(path, METHODS["int8"])
    with pytest.raises(StageError, match="computes in float"):
        onnx_inspect.check_file(path, methods.find_method(f"mixed8-{count + 1}"))
    ran = onnx_runtime.predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None)
    assert ran.scores.shape == (len(photo_array), 3) and np.allclose(ran.scores.sum(axis=1), 1, atol=0.02)


@pytest.mark.parametrize("shielded", [True, False])
def test_onnxruntime_rounds_no_weights_by_itself(model, photo_array, as_pixels, tmp_path, monkeypatch, shielded):
    """Between DequantizeLinear and QuantizeLinear it would, with one scale for all channels."""
    if not shielded:
        monkeypatch.setattr(onnx_calibrate, "_shield", lambda *_: None)
    graph = onnx.load_model_from_string(model).graph
    middle = [node.name for node in graph.node if node.op_type == "Conv"][1]
    method = methods.find_method("mixed8-1")
    path = written(tmp_path / "mixed.onnx", onnx_calibrate.quantize_model(model, method, [middle], CARD))
    if not shielded:
        with pytest.raises(StageError, match=r"onnxruntime computes nothing in float, not 1 as ordered"):
            onnx_inspect.check_file(path, method)
        return
    onnx_inspect.check_file(path, method)
    fast, plain = (
        onnx_runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores for kernels in KERNELS
    )
    assert np.abs(fast - plain).max() < 0.01


def test_a_layer_in_float_has_no_error_left(model, layers, photo_array, as_pixels, tmp_path):
    """With all weights in float, what is left is the rounding of activations: nearer to Keras than int8."""
    floats = written(tmp_path / "float32.onnx", onnx_calibrate.quantize_model(model, METHODS["int8"], (), CARD))
    chosen = [layer.name for layer in ladder.select_weighted_layers(layers)]
    mixed = written(tmp_path / "mixed.onnx", onnx_calibrate.quantize_model(model, METHODS["int8"], chosen, CARD))
    graph = onnx.load_model_from_string(model)
    del graph.metadata_props[:]
    exact = written(tmp_path / "exact.onnx", onnx_convert.finish_model(graph, CARD))
    wanted, int8, mixed8 = (
        onnx_runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None).scores
        for path in (exact, floats, mixed)
    )
    assert np.abs(mixed8 - wanted).mean() < np.abs(int8 - wanted).mean()


def test_unsigned_activations_from_the_same_ranges(model, tmp_path):
    path = written(tmp_path / "u8.onnx", onnx_calibrate.quantize_model(model, METHODS["int8_u8s8"], (), CARD))
    onnx_inspect.check_file(path, METHODS["int8_u8s8"])


def test_the_calibration_photos_matter(model, root, photo_array, as_pixels):
    dark = onnx_calibrate.calibrate_model(
        onnx_convert.translate_saved_model(root / "saved"), as_pixels(photo_array // 8), lambda _: None
    )
    made = [onnx_calibrate.quantize_model(one, METHODS["int8"], (), CARD) for one in (dark, model)]
    assert made[0] != made[1]


@pytest.mark.parametrize("kind", [RuntimeError, onnx_runtime.RUNTIME_ERRORS[0], onnx.shape_inference.InferenceError])
def test_a_quantizer_that_fails_says_so(kind, model, root, as_pixels, photo_array, monkeypatch):
    def failing(*_, **__):
        raise kind("no kernel\nand more")

    monkeypatch.setattr(quantization, "quantize_static", failing)
    with pytest.raises(StageError, match=r"the ONNX quantizer failed: no kernel$"):
        onnx_calibrate.quantize_model(model, METHODS["int8"], (), CARD)
    with pytest.raises(StageError, match=r"onnxruntime could not calibrate: no kernel$"):
        onnx_calibrate.calibrate_model(
            onnx_convert.translate_saved_model(root / "saved"), as_pixels(photo_array[:1]), lambda _: None
        )
