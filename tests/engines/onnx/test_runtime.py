"""runtime.py: predictions equal the file's, in photo order, on the requested kernels, for any number of cores."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core import machine
from edgetl.core.errors import ConfigError
from edgetl.engines.onnx import runtime
from edgetl.engines.tflite import runtime as tflite_runtime


@pytest.fixture(scope="module")
def model(small_model):
    return small_model()


@pytest.fixture(scope="module")
def array(photo_array):
    """uint8 [50, 32, 32, 3], all photos different."""
    return np.concatenate([photo_array, 255 - photo_array[:20]])


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_a_float32_file_predicts_what_keras_does(onnx_files, model, array, as_pixels, kernels):
    counts: list[int] = []
    predictions = runtime.predict_file(onnx_files["float32"], as_pixels(array), kernels, counts.append)
    assert predictions.scores.dtype == np.float32
    np.testing.assert_allclose(predictions.scores, np.asarray(model(array)), atol=1e-5)
    np.testing.assert_array_equal(predictions.raw, predictions.scores)
    assert sum(counts) == len(array) and predictions.latency.ms > 0
    assert predictions.accelerated is (kernels == "onnxruntime")


def test_red_and_blue_are_not_swapped_in_either_format(onnx_files, tflite_files, model, as_pixels):
    rgb = np.zeros((1, 32, 32, 3), np.uint8)
    rgb[..., 0], rgb[:, :16, :, 1], rgb[..., 2] = 230, 120, 10
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    expected, expected_of_swapped = np.asarray(model(rgb)), np.asarray(model(bgr))
    assert np.abs(expected_of_swapped - expected).max() > 1e-3
    for predict, path, kernels in (
        (runtime.predict_file, onnx_files["float32"], "onnxruntime"),
        (runtime.predict_file, onnx_files["float32"], "reference"),
        (tflite_runtime.predict_file, tflite_files["float32"], "xnnpack"),
    ):
        for photo, scores in ((rgb, expected), (bgr, expected_of_swapped)):
            predictions = predict(path, as_pixels(photo), kernels, lambda _: None)
            np.testing.assert_allclose(predictions.scores, scores, atol=1e-5)


def test_signed_activations_stay_signed(onnx_files, array, as_pixels):
    """Converted to unsigned ones, they would saturate on processors without VNNI."""
    optimized, reference = (
        runtime.predict_file(onnx_files["int8"], as_pixels(array), kernels, lambda _: None).scores
        for kernels in ("onnxruntime", "reference")
    )
    assert np.abs(optimized - reference).max() < 0.02
    assert runtime.count_planned_operators(onnx_files["int8"])["QLinearConv"] == 3


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 17, 50])
def test_predictions_are_in_photo_order_for_any_number_of_cores(
    onnx_files, array, as_pixels, monkeypatch, cores, count
):
    monkeypatch.setattr(machine, "count_cores", lambda: cores)
    predictions = runtime.predict_file(onnx_files["float32"], as_pixels(array[:count]), "onnxruntime", lambda _: None)
    last = as_pixels(array[count - 1 : count])
    alone = runtime.predict_file(onnx_files["float32"], last, "onnxruntime", lambda _: None)
    assert len(predictions.scores) == count
    np.testing.assert_array_equal(predictions.scores[-1:], alone.scores)


def test_photos_of_another_size_are_an_error(onnx_files, array, as_pixels):
    with pytest.raises(ConfigError, match=r"the model's input is \[1, 32, 32, 3\], the photos are \[1, 16, 16, 3\]"):
        runtime.predict_file(onnx_files["float32"], as_pixels(array[:, ::2, ::2]), "onnxruntime", lambda _: None)


@pytest.mark.parametrize("content", [b"no model", b""])
def test_a_file_of_another_kind_is_an_error(array, as_pixels, tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ConfigError):
        runtime.predict_file(tmp_path / "model.onnx", as_pixels(array), "onnxruntime", lambda _: None)


def make_model(operator: str, domain: str = "", dtype: int = TensorProto.FLOAT, shape=("n", 32, 32, 3)):
    """Make a model as from another converter: an operator that reduces the photo to a value for each channel."""
    nodes = [helper.make_node(operator, ["pixels"], ["out"], domain=domain, keepdims=0, axes=[1, 2])]
    image, scores = (
        helper.make_tensor_value_info("pixels", dtype, shape),
        helper.make_tensor_value_info("out", dtype, ("n", 3)),
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(helper.make_graph(nodes, "g", [image], [scores]), opset_imports=opsets, ir_version=8)


def test_a_symbolic_batch_axis_and_a_float_input_are_accepted(array, as_pixels, tmp_path):
    onnx.save_model(make_model("ReduceMean"), tmp_path / "mean.onnx")
    scores = runtime.predict_file(tmp_path / "mean.onnx", as_pixels(array), "onnxruntime", lambda _: None).scores
    np.testing.assert_allclose(scores, array.mean(axis=(1, 2)), atol=1e-2)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(make_model("Mean", domain="com.nobody"), "not an ONNX file that can be run", id="unknown domain"),
        pytest.param(
            make_model("ReduceMean", dtype=TensorProto.DOUBLE),
            r"the model's input is tensor\(double\), not uint8 or float",
            id="float64",
        ),
        pytest.param(make_model("ReduceMean", shape=(1, 3, 32, 32)), "the model's input is", id="channels first"),
    ],
)
def test_a_model_that_cannot_predict_photos_is_an_error(array, as_pixels, tmp_path, model, message):
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match=message):
        runtime.predict_file(tmp_path / "model.onnx", as_pixels(array), "onnxruntime", lambda _: None)


def test_weights_in_external_files_are_an_error(array, as_pixels, tmp_path):
    model = make_model("ReduceMean")
    model.graph.initializer.append(numpy_helper.from_array(np.float32([1]), "w"))
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="external files"):
        runtime.predict_file(tmp_path / "model.onnx", as_pixels(array), "onnxruntime", lambda _: None)
