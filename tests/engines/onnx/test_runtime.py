"""ort: the file's own answers in photo order, on the kernels that were asked for; RGB stays RGB in both runtimes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core import machine
from edgetl.core.errors import ConfigError
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime

CARD = onnx_convert.ModelMetadata(classes=("a", "b", "c"), input=InputSpec(side_px=32, fit="crop"))


@pytest.fixture(scope="module")
def model(small_model):
    return small_model()


@pytest.fixture(scope="module")
def made(model, photo_array, as_pixels, tmp_path_factory, onnx_bytes):
    """Method → .onnx, and "tflite" → float32 .tflite."""
    root, paths = tmp_path_factory.mktemp("made"), {}
    keras_model.save_model(model, root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "saved", "uint8")
    for name in ("float32", "int8"):
        paths[name] = root / f"{name}.onnx"
        paths[name].write_bytes(onnx_bytes(root / "saved", name, as_pixels(photo_array), CARD))
    paths["tflite"] = root / "float32.tflite"
    paths["tflite"].write_bytes(tflite_convert.convert_saved_model(root / "saved", METHODS["float32"], None))
    return paths


@pytest.fixture(scope="module")
def photos(photo_array):
    """uint8 [50, 32, 32, 3], no two alike."""
    return np.concatenate([photo_array, 255 - photo_array[:20]])


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_float32_equals_keras(made, model, photos, as_pixels, kernels):
    done: list[int] = []
    ran = onnx_runtime.predict_file(made["float32"], as_pixels(photos), kernels, done.append)
    assert ran.scores.dtype == np.float32 and np.allclose(ran.scores, np.asarray(model(photos)), atol=1e-5)
    assert np.array_equal(ran.raw, ran.scores) and sum(done) == len(photos) and ran.invoke_ms > 0
    assert ran.accelerated is (kernels == "onnxruntime")


def test_colours_are_not_swapped(made, model, as_pixels):
    """A red photo is red to Keras, LiteRT and onnxruntime alike, and its blue twin is another photo to all three."""
    rgb = np.zeros((1, 32, 32, 3), np.uint8)
    rgb[..., 0], rgb[:, :16, :, 1], rgb[..., 2] = 230, 120, 10
    bgr = rgb[..., ::-1]
    wanted = np.asarray(model(rgb))
    for predict, path, kernels in (
        (onnx_runtime.predict_file, made["float32"], "onnxruntime"),
        (onnx_runtime.predict_file, made["float32"], "reference"),
        (tflite_runtime.predict_file, made["tflite"], "xnnpack"),
    ):
        same = predict(path, as_pixels(rgb), kernels, lambda _: None).scores
        twin = predict(path, as_pixels(np.ascontiguousarray(bgr)), kernels, lambda _: None).scores
        assert np.abs(same - wanted).max() < 1e-5
        assert np.abs(twin - wanted).max() > 1e-3 and np.allclose(twin, np.asarray(model(bgr)), atol=1e-5)


def test_integers_are_computed_as_they_are_written(made, photos, as_pixels):
    """Signed activations stay signed: turned unsigned, they would saturate on processors without VNNI."""
    fast = onnx_runtime.predict_file(made["int8"], as_pixels(photos), "onnxruntime", lambda _: None)
    plain = onnx_runtime.predict_file(made["int8"], as_pixels(photos), "reference", lambda _: None)
    assert np.abs(fast.scores - plain.scores).max() < 0.02
    assert onnx_runtime.count_planned_operators(made["int8"])["QLinearConv"] == 3


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 17, 50])
def test_photo_order(made, photos, as_pixels, monkeypatch, cores, count):
    monkeypatch.setattr(machine, "count_cores", lambda: cores)
    ran = onnx_runtime.predict_file(made["float32"], as_pixels(photos[:count]), "onnxruntime", lambda _: None)
    alone = onnx_runtime.predict_file(
        made["float32"], as_pixels(photos[count - 1 : count]), "onnxruntime", lambda _: None
    )
    assert len(ran.scores) == count and np.array_equal(ran.scores[-1:], alone.scores)


def test_photos_of_another_size(made, photos, as_pixels):
    with pytest.raises(ConfigError, match="the model takes"):
        onnx_runtime.predict_file(made["float32"], as_pixels(photos[:, ::2, ::2]), "onnxruntime", lambda _: None)


@pytest.mark.parametrize("content", [b"no model", b""])
def test_what_is_no_model(photos, as_pixels, tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ConfigError):
        onnx_runtime.predict_file(tmp_path / "bad.onnx", as_pixels(photos), "onnxruntime", lambda _: None)


def foreign(operator: str, domain: str = "", dtype: int = TensorProto.FLOAT, shape=("n", 32, 32, 3)) -> onnx.ModelProto:
    """A file made elsewhere: image → mean over the photo."""
    nodes = [helper.make_node(operator, ["pixels"], ["out"], domain=domain, keepdims=0, axes=[1, 2])]
    ends = [
        helper.make_tensor_value_info("pixels", dtype, shape),
        helper.make_tensor_value_info("out", dtype, ("n", 3)),
    ]
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=opsets, ir_version=8)


def test_a_file_made_elsewhere_for_any_number_of_float_photos(photos, as_pixels, tmp_path):
    (tmp_path / "mean.onnx").write_bytes(foreign("ReduceMean").SerializeToString())
    ran = onnx_runtime.predict_file(tmp_path / "mean.onnx", as_pixels(photos), "onnxruntime", lambda _: None)
    assert np.allclose(ran.scores, photos.mean(axis=(1, 2)), atol=1e-2)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (foreign("Mean", domain="com.nobody"), "not an ONNX file that can be run"),
        (foreign("ReduceMean", dtype=TensorProto.DOUBLE), r"takes tensor\(double\)"),
        (foreign("ReduceMean", shape=(1, 3, 32, 32)), "the model takes"),
    ],
    ids=["an operator of a library that is not loaded", "doubles", "channels first"],
)
def test_files_that_cannot_be_run(photos, as_pixels, tmp_path, model, says):
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match=says):
        onnx_runtime.predict_file(tmp_path / "bad.onnx", as_pixels(photos), "onnxruntime", lambda _: None)


def test_weights_beside_the_file_are_refused(photos, as_pixels, tmp_path):
    model = foreign("ReduceMean")
    model.graph.initializer.append(numpy_helper.from_array(np.float32([1]), "w"))
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="beside it"):
        onnx_runtime.predict_file(tmp_path / "model.onnx", as_pixels(photos), "onnxruntime", lambda _: None)
