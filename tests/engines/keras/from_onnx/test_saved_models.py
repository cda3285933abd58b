"""saved_models.py: operators and objects of a SavedModel are checked before anything is loaded."""

import pytest
import tensorflow as tf

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.from_onnx import saved_models
from edgetl.engines.keras.from_onnx.saved_models import read_saved_model

IMAGE = tf.TensorSpec((None, 8, 10, 3), tf.float32, name="image")


def save(function, folder, *specs):
    """Save a function as the signature of a SavedModel."""
    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal((240, 3), (1, 2)))
    module.call = tf.function(lambda *images: function(module, *images), input_signature=list(specs or (IMAGE,)))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.call.get_concrete_function()})
    return folder


def classify(module, image):
    return {"scores": tf.nn.softmax(tf.matmul(tf.reshape(image, (-1, 240)), module.weights))}


def test_signature_is_read(tmp_path):
    source = read_saved_model(save(classify, tmp_path / "model"))
    photos = tf.random.stateless_uniform((2, 8, 10, 3), (1, 2)).numpy()
    assert source.predict(photos).shape == (2, 3)
    assert {node.op_type for node in source.graph.graph.node} <= {"Reshape", "MatMul", "Gemm", "Softmax", "Identity"}


@pytest.fixture
def never_loaded(monkeypatch):
    monkeypatch.setattr(saved_models.tf.saved_model, "load", lambda *_, **__: pytest.fail("the model was loaded"))


@pytest.mark.parametrize("operator", ["WriteFile", "ReadFile", "EagerPyFunc"])
def test_operator_that_reaches_files_or_code_is_refused_before_loading(operator, tmp_path, never_loaded):
    def reach(module, image):
        if operator == "WriteFile":
            with tf.control_dependencies([tf.io.write_file(str(tmp_path / "written"), "x")]):
                return classify(module, image)
        if operator == "ReadFile":
            text = tf.io.read_file(str(tmp_path / "secret"))
            return {"scores": classify(module, image)["scores"] + tf.cast(tf.strings.length(text), tf.float32)}
        return {"scores": tf.py_function(lambda photo: photo, [image], tf.float32)}

    with pytest.raises(ConfigError, match=f"the SavedModel has the operator ({operator}|StringLength)"):
        read_saved_model(save(reach, tmp_path / "model"))
    assert not (tmp_path / "written").exists()


def test_table_that_would_run_at_loading_is_refused(tmp_path, never_loaded):
    module = tf.Module()
    keys = tf.lookup.KeyValueTensorInitializer(tf.constant([1], tf.int64), tf.constant([2], tf.int64))
    module.table = tf.lookup.StaticHashTable(keys, 0)
    module.call = tf.function(
        lambda image: {"scores": image[:, 0, 0] + tf.cast(module.table.lookup(tf.constant([1], tf.int64)), tf.float32)},
        input_signature=[IMAGE],
    )
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.call.get_concrete_function())
    with pytest.raises(ConfigError, match="contains a table or a file"):
        read_saved_model(tmp_path / "model")


def test_two_inputs_are_an_error(tmp_path, never_loaded):
    second = tf.TensorSpec((None, 8, 10, 3), tf.float32, name="second")
    folder = save(lambda module, image, other: classify(module, image + other), tmp_path / "model", IMAGE, second)
    with pytest.raises(ConfigError, match="has 2 inputs and 1 outputs"):
        read_saved_model(folder)


def test_other_signature_is_named(tmp_path, never_loaded):
    module = tf.Module()
    module.call = tf.function(lambda image: {"scores": image}, input_signature=[IMAGE])
    concrete = module.call.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"encode": concrete, "decode": concrete})
    with pytest.raises(ConfigError, match="no signature serving_default, but decode, encode"):
        read_saved_model(tmp_path / "model")


@pytest.mark.parametrize("content", [b"", b"\xff\xff"])
def test_damaged_file_is_an_error(content, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ConfigError, match=r"damaged|not one of TensorFlow 2"):
        read_saved_model(tmp_path)
