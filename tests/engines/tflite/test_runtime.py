"""runtime.py: predictions equal the file's, in photo order, on the requested kernels, for any number of cores."""

import numpy as np
import pytest
import tensorflow as tf

from edgetl.core import machine
from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.tflite import inspect, runtime


@pytest.fixture(scope="module")
def model(small_model):
    return small_model()


@pytest.fixture(scope="module")
def array(photo_array):
    """uint8 [50, 32, 32, 3], all photos different."""
    return np.concatenate([photo_array, 255 - photo_array[:20]])


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_a_float32_file_predicts_what_keras_does(tflite_files, model, array, as_pixels, kernels):
    counts: list[int] = []
    predictions = runtime.predict_file(tflite_files["float32"], as_pixels(array), kernels, counts.append)
    assert predictions.scores.dtype == np.float32
    np.testing.assert_allclose(predictions.scores, np.asarray(model(array)), atol=1e-5)
    np.testing.assert_array_equal(predictions.raw, predictions.scores)
    assert sum(counts) == len(array) and predictions.latency.ms > 0
    assert predictions.accelerated is (kernels == "xnnpack")


def test_xnnpack_runs_an_int8_file(tflite_files):
    assert runtime.runs_xnnpack(tflite_files["int8"])


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_integer_files_predict_nearly_what_keras_does(tflite_files, model, array, as_pixels, name, kernels):
    scores = runtime.predict_file(tflite_files[name], as_pixels(array), kernels, lambda _: None).scores
    assert np.abs(scores - np.asarray(model(array))).max() < 0.05


def test_an_operator_that_a_kernel_set_lacks_is_named(tmp_path, photo_array, as_pixels):
    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.float32)])
    def activate(image):
        return tf.nn.elu(tf.reduce_mean(image, axis=(1, 2)) - 128)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([activate.get_concrete_function()])
    path = tmp_path / "elu.tflite"
    path.write_bytes(converter.convert())
    runtime.try_file(path)
    with pytest.raises(StageError, match="LiteRT has no reference kernels for ELU"):
        runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None)


def test_raw_outputs_are_the_integers_of_the_file(tflite_files, array, as_pixels):
    predictions = runtime.predict_file(tflite_files["int8"], as_pixels(array), "xnnpack", lambda _: None)
    output = inspect.summarize_file(tflite_files["int8"]).output
    assert predictions.raw.dtype == np.uint8 and predictions.raw.shape == (50, 3)
    expected = (predictions.raw.astype(float) - output.zero_point) * output.scale
    np.testing.assert_allclose(predictions.scores, expected)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33, 50])
def test_predictions_are_in_photo_order_for_any_number_of_cores(tflite_files, array, as_pixels, monkeypatch, count):
    outputs = []
    for cores in (1, 2, 3, 8):
        monkeypatch.setattr(machine, "count_cores", lambda cores=cores: cores)
        counts: list[int] = []
        photos = as_pixels(array[:count])
        predictions = runtime.predict_file(tflite_files["float32"], photos, "xnnpack", counts.append)
        assert predictions.raw.shape == (count, 3) and sum(counts) == count
        outputs.append(predictions.raw)
    assert all(np.array_equal(outputs[0], output) for output in outputs[1:])
    last = as_pixels(array[count - 1 : count])
    alone = runtime.predict_file(tflite_files["float32"], last, "xnnpack", lambda _: None)
    np.testing.assert_array_equal(outputs[0][-1], alone.raw[0])


def test_photos_of_another_size_are_an_error(tflite_files, array, as_pixels):
    message = r"the model's input is \(1, 32, 32, 3\), the photos are \(1, 16, 16, 3\)"
    with pytest.raises(ConfigError, match=message) as caught:
        runtime.predict_file(tflite_files["float32"], as_pixels(array[:, ::2, ::2]), "xnnpack", lambda _: None)
    assert caught.value.where == (str(tflite_files["float32"]),)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + bytes(200)])
@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_a_file_of_another_kind_is_an_error(tmp_path, array, as_pixels, content, kernels):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not a TFLite file that can be run") as caught:
        runtime.predict_file(path, as_pixels(array), kernels, lambda _: None)
    assert caught.value.where == (str(path),)


def test_a_missing_file_is_an_error(tmp_path, array, as_pixels):
    with pytest.raises(ConfigError, match="not a TFLite file that can be run"):
        runtime.predict_file(tmp_path / "missing.tflite", as_pixels(array), "xnnpack", lambda _: None)


def test_a_model_with_three_outputs_is_an_error(tmp_path, array, as_pixels):
    spec = tf.TensorSpec((1, 32, 32, 3), tf.float32)
    function = tf.function(lambda x: (x + 1, x * 2, x * 3)).get_concrete_function(spec)
    path = tmp_path / "three.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    for read in (
        lambda: runtime.predict_file(path, as_pixels(array), "xnnpack", lambda _: None),
        lambda: inspect.summarize_file(path),
    ):
        with pytest.raises(ConfigError, match="the model has 1 inputs and 3 outputs, one of each is needed"):
            read()


def test_photos_are_quantized_for_an_integer_input_with_another_scale(array, as_pixels, tmp_path):
    """A file from elsewhere may have such an input."""
    module = tf.Module()
    module.double = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "double"), signatures=module.double)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "double"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    levels = [np.full((1, 32, 32, 3), level, np.float32) for level in (0, 510)]
    converter.representative_dataset = lambda: ([level] for level in levels)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path / "scaled.tflite"
    path.write_bytes(converter.convert())
    assert inspect.summarize_file(path).input.scale == pytest.approx(2)
    scores = runtime.predict_file(path, as_pixels(array[:3]), "xnnpack", lambda _: None).scores
    assert np.abs(scores - array[:3] * 2.0).max() <= 4
