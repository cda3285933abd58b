"""Files of Keras 3 with layers that edgetl does not load are errors that name the layer."""

import json
import zipfile

import keras
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.foreign_keras3 import check_keras3_layers

layers = keras.layers


@keras.saving.register_keras_serializable("mine")
class Gate(layers.Layer):
    """A layer whose code is not in the file."""

    def call(self, inputs):
        return inputs / 2


def write(path, *made):
    keras.Sequential([keras.Input((8, 8, 3)), *made, layers.Flatten(), layers.Dense(4, name="scores")]).save(path)
    return path


def write_quantized(path, mode):
    model = keras.models.load_model(write(path))
    model.quantize(mode)
    model.save(path)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_custom_layer_is_named(tmp_path, suffix):
    path = write(tmp_path / f"model{suffix}", Gate(name="gate_7"))
    with pytest.raises(ConfigError, match=r"a custom layer: layer 'gate_7' of class (mine>)?Gate") as caught:
        check_keras3_layers(path)
    assert caught.value.where == (str(path),) and caught.value.hint


def test_lambda_layer_is_named(tmp_path):
    with pytest.raises(ConfigError, match="layer 'halve' of class Lambda"):
        check_keras3_layers(write(tmp_path / "model.keras", layers.Lambda(lambda pixels: pixels / 2, name="halve")))


def halve(values):
    return values / 2


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("function", "name"), [(halve, "function 'halve'"), (lambda values: values / 2, "a lambda")])
def test_custom_activation_is_named(tmp_path, function, name, suffix):
    path = write(tmp_path / f"model{suffix}", layers.Conv2D(4, 3, activation=function, name="mix"))
    with pytest.raises(ConfigError, match=f"layer 'mix' of class Conv2D has a custom activation: {name}"):
        check_keras3_layers(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras warns of layers that it does not quantize.
@pytest.mark.parametrize(("mode", "name"), [("int8", "int8"), ("float8", "float8")])
def test_layer_that_keras_quantized_is_named(tmp_path, mode, name):
    path = write_quantized(tmp_path / "model.keras", mode)
    with pytest.raises(ConfigError, match=rf"quantized by Keras: layer 'scores' of class Dense .* {name}") as caught:
        check_keras3_layers(path)
    assert "model.quantize" in caught.value.hint


def test_low_rank_adapters_are_named(tmp_path):
    model = keras.models.load_model(write(tmp_path / "model.keras"))
    model.get_layer("scores").enable_lora(2)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConfigError, match="layer 'scores' of class Dense has low-rank adapters"):
        check_keras3_layers(tmp_path / "model.keras")


def test_layers_and_operations_of_keras_pass(tmp_path):
    image = keras.Input((8, 8, 3))
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    features = layers.Conv2D(4, 3, kernel_regularizer="l2", dtype=policy)(image * 2.0)
    inner = keras.Sequential([layers.Bidirectional(layers.LSTM(2))])
    path = tmp_path / "model.keras"
    keras.Model(image, inner(layers.Reshape((6, 24))(features))).save(path)
    check_keras3_layers(path)


@keras.saving.register_keras_serializable("mine")
class Share(keras.metrics.Metric):
    """A metric whose code is not in the file."""

    def update_state(self, *_):
        """Count nothing."""

    def result(self):
        return 0.0


def test_metrics_of_the_author_do_not_matter(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=[Share(name="share")])
    model.save(tmp_path / "model.keras")
    check_keras3_layers(tmp_path / "model.keras")


def test_weights_only_is_an_error(tmp_path):
    keras.Sequential([keras.Input((3,)), layers.Dense(2)]).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ConfigError, match="weights only"):
        check_keras3_layers(tmp_path / "model.weights.h5")


def test_module_of_the_author_is_a_custom_layer_whatever_its_name(tmp_path):
    path = write(tmp_path / "model.keras", layers.ReLU(name="gate"))
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(entries["config.json"])
    config["config"]["layers"][1] |= {"module": "mine", "class_name": "Gate2", "registered_name": "mine>Gate2"}
    entries["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(ConfigError, match="layer 'gate' of class Gate2"):
        check_keras3_layers(path)


def write_called(path, make, **kwargs):
    """Write a model in which a layer is called with arguments."""
    image = keras.Input((8, 8, 3))
    features = make()(layers.Conv2D(4, 3)(image), **kwargs)
    keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(features))).save(path)
    return path


def make_nested():
    return keras.Sequential([keras.Input((6, 6, 4)), layers.Conv2D(4, 1), layers.Dropout(0.5, name="inner")])


def make_frozen():
    return layers.BatchNormalization(trainable=False)


DROPOUT = (lambda: layers.Dropout(0.5, name="drop"), "layer 'drop' of class Dropout")
NORM = (lambda: layers.BatchNormalization(name="norm"), "layer 'norm' of class BatchNormalization")
FLIP = (lambda: layers.RandomFlip(name="flip", seed=1), "layer 'flip' of class RandomFlip")
NESTED = (make_nested, "layer 'inner' of class Dropout")


@pytest.mark.parametrize(
    ("make", "name", "suffix"),
    [
        *((*case, ".keras") for case in (DROPOUT, NORM, FLIP, NESTED)),
        # Keras 3 cannot save a random layer as .h5.
        *((*case, ".h5") for case in (DROPOUT, NORM, NESTED)),
    ],
)
def test_layer_that_is_called_as_in_training_is_named(tmp_path, make, name, suffix):
    path = write_called(tmp_path / f"model{suffix}", make, training=True)
    with pytest.raises(ConfigError, match=f"{name} is called with training=True") as caught:
        check_keras3_layers(path)
    assert "training=False" in caught.value.hint


@pytest.mark.parametrize(
    ("make", "training"),
    [(lambda: layers.Dropout(0.5), False), (make_nested, False), (layers.ReLU, None), (make_frozen, True)],
)
def test_layer_that_predicts_the_same_in_every_call_is_accepted(tmp_path, make, training):
    check_keras3_layers(
        write_called(tmp_path / "model.keras", make, **({} if training is None else {"training": training}))
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_operation_in_a_h5_file_is_named_with_the_other_format(tmp_path):
    # Keras numbers the operations of a process.
    keras.utils.clear_session()
    path = write_called(tmp_path / "model.h5", lambda: lambda tensor: tensor / 2.0)
    with pytest.raises(
        ConfigError, match=r"Keras 3 cannot load layer 'true_divide' of class TrueDivide from a \.h5"
    ) as caught:
        check_keras3_layers(path)
    assert "model.save('FILE.keras')" in caught.value.hint
