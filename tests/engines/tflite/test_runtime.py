"""litert: the file's own answers, in photo order whatever the number of photos and cores."""

import numpy as np
import pytest

from edgetl.core import machine
from edgetl.core.errors import ConfigError
from edgetl.core.methods import METHODS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime


@pytest.fixture(scope="module")
def model(small_model):
    return small_model()


@pytest.fixture(scope="module")
def made(model, photo_array, as_pixels, tmp_path_factory):
    """Method → .tflite."""
    root, paths = tmp_path_factory.mktemp("made"), {}
    keras_model.save_model(model, root / "model.keras")
    for name in ("float32", "int8", "int16x8"):
        method = METHODS[name]
        saved_model.export_saved_model(root / "model.keras", root / name, tflite_convert.choose_input_kind(method))
        paths[name] = root / f"{name}.tflite"
        photos = as_pixels(photo_array) if method.calibrated else None
        paths[name].write_bytes(tflite_convert.convert_saved_model(root / name, method, photos))
    return paths


@pytest.fixture(scope="module")
def photos(photo_array):
    """uint8 [50, 32, 32, 3], no two alike."""
    return np.concatenate([photo_array, 255 - photo_array[:20]])


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_float32_equals_keras(made, model, photos, as_pixels, kernels):
    done: list[int] = []
    ran = tflite_runtime.predict_file(made["float32"], as_pixels(photos), kernels, done.append)
    assert ran.scores.dtype == np.float32 and np.allclose(ran.scores, np.asarray(model(photos)), atol=1e-5)
    assert np.array_equal(ran.raw, ran.scores) and sum(done) == len(photos) and ran.invoke_ms > 0


def test_kernels_are_those_that_were_asked_for(made, photos, as_pixels):
    assert tflite_runtime.predict_file(made["float32"], as_pixels(photos), "xnnpack", lambda _: None).accelerated
    assert not tflite_runtime.predict_file(made["float32"], as_pixels(photos), "reference", lambda _: None).accelerated
    assert tflite_runtime.runs_xnnpack(made["int8"])


@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_integer_files_answer_nearly_the_same(made, model, photos, as_pixels, name):
    for kernels in ("xnnpack", "reference"):
        ran = tflite_runtime.predict_file(made[name], as_pixels(photos), kernels, lambda _: None)
        assert np.abs(ran.scores - np.asarray(model(photos))).max() < 0.05


def test_integer_answers_are_kept_as_they_are(made, photos, as_pixels):
    ran = tflite_runtime.predict_file(made["int8"], as_pixels(photos), "xnnpack", lambda _: None)
    output = tflite_convert.summarize_file(made["int8"]).output
    assert ran.raw.dtype == np.uint8 and ran.raw.shape == (50, 3)
    assert np.array_equal(ran.scores, tflite_runtime.dequantize(ran.raw, output.scale, output.zero_point))
    assert np.allclose(ran.scores, (ran.raw.astype(float) - output.zero_point) * output.scale)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33, 50])
def test_order_does_not_depend_on_the_cores(made, photos, as_pixels, monkeypatch, count):
    answers = []
    for cores in (1, 2, 3, 8):
        monkeypatch.setattr(machine, "count_cores", lambda cores=cores: cores)
        done: list[int] = []
        ran = tflite_runtime.predict_file(made["float32"], as_pixels(photos[:count]), "xnnpack", done.append)
        assert ran.raw.shape == (count, 3) and sum(done) == count
        answers.append(ran.raw)
    assert all(np.array_equal(answers[0], other) for other in answers[1:])
    alone = tflite_runtime.predict_file(
        made["float32"], as_pixels(photos[count - 1 : count]), "xnnpack", lambda _: None
    )
    assert np.array_equal(answers[0][-1], alone.raw[0])


def test_photos_of_another_size(made, photos, as_pixels):
    with pytest.raises(
        ConfigError, match=r"the model takes \(1, 32, 32, 3\), the photos are \(1, 16, 16, 3\)"
    ) as caught:
        tflite_runtime.predict_file(made["float32"], as_pixels(photos[:, ::2, ::2]), "xnnpack", lambda _: None)
    assert caught.value.where == (str(made["float32"]),)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + bytes(200)])
@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_garbage(tmp_path, photos, as_pixels, content, kernels):
    path = tmp_path / "garbage.tflite"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not a TFLite file that can be run") as caught:
        tflite_runtime.predict_file(path, as_pixels(photos), kernels, lambda _: None)
    assert caught.value.where == (str(path),)


def test_a_file_that_is_not_there(tmp_path, photos, as_pixels):
    with pytest.raises(ConfigError, match="not a TFLite file that can be run"):
        tflite_runtime.predict_file(tmp_path / "gone.tflite", as_pixels(photos), "xnnpack", lambda _: None)


def test_a_model_with_two_outputs(tmp_path, photos, as_pixels):
    tf = tflite_convert.tf
    two = tf.function(lambda x: (x + 1, x * 2)).get_concrete_function(tf.TensorSpec((1, 32, 32, 3), tf.float32))
    path = tmp_path / "two.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([two]).convert())
    with pytest.raises(ConfigError, match="one input and one output"):
        tflite_runtime.predict_file(path, as_pixels(photos), "xnnpack", lambda _: None)
    with pytest.raises(ConfigError, match="1 inputs and 2 outputs"):
        tflite_convert.summarize_file(path)


def test_an_integer_input_with_a_scale_of_its_own(made, photos, as_pixels, tmp_path):
    """A file made elsewhere may say that its input is -1..1: the photos are brought into its numbers."""
    tf, lite = tflite_convert.tf, tflite_convert.tf.lite
    module = tf.Module()
    module.double = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "double"), signatures=module.double)
    converter = lite.TFLiteConverter.from_saved_model(str(tmp_path / "double"))
    converter.optimizations = [lite.Optimize.DEFAULT]
    levels = [np.full((1, 32, 32, 3), level, np.float32) for level in (0, 510)]
    converter.representative_dataset = lambda: ([level] for level in levels)
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path / "scaled.tflite"
    path.write_bytes(converter.convert())
    assert tflite_convert.summarize_file(path).input.scale == pytest.approx(2)
    ran = tflite_runtime.predict_file(path, as_pixels(photos[:3]), "xnnpack", lambda _: None)
    assert np.abs(ran.scores - photos[:3] * 2.0).max() <= 4
