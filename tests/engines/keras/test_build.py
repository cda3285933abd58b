"""The classifier from base and head: its layers, its weights, and the layers that phase 2 trains."""

import time

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.network import bases, unfreezing
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe, TrainingRecipe
from edgetl.engines.keras import build, half_weights
from edgetl.engines.keras import model as keras_model
from tests.fixtures.signals import interrupt_later
from tests.fixtures.special_files import SPECIAL_FILES, make_special

BASE = BaseRecipe(name="mobilenet", alpha=0.25, side_px=32, weights="none")
FORMULA = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=32, weights="formula")
HEAD = HeadRecipe(dropout=0.0)
FROZEN_NORM = TrainingRecipe(batch_norm="inference")
TRAINED_NORM = TrainingRecipe(batch_norm="training", batch_norm_momentum=0.8)


def assemble(base=BASE, head=HEAD, classes=3):
    keras_model.reset_keras(1)
    return build.assemble_model(base, head, classes, build.fetch_weights(base))


@pytest.fixture(scope="module")
def model():
    return assemble(head=HeadRecipe(hidden_units=16, dropout=0.3))


def list_norms(model):
    return [layer for layer in build.list_base_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]


def list_trainable(model):
    return [layer.name for layer in build.list_base_layers(model) if layer.trainable and layer.weights]


# The network


def test_classifier_is_flat_from_raw_photos_to_probabilities(model):
    assert not [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    assert model.input_shape == (None, 32, 32, 3) and model.inputs[0].dtype == "uint8"
    assert model.output_shape == (None, 3) and model.outputs[0].dtype == "float32"
    names = [layer.name for layer in model.layers]
    assert names[1] == build.SCALING and names[-4:] == [build.POOLING, "hidden", "dropout", build.SCORES]
    assert keras_model.read_input_size(model) == (32, 32)
    assert np.asarray(model(np.zeros((2, 32, 32, 3), np.uint8))).sum(axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_only_the_head_is_trainable(model):
    assert len(build.list_base_layers(model)) > 80
    assert not any(layer.trainable for layer in build.list_base_layers(model))
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"hidden", build.SCORES}


def test_scaling_is_that_of_the_base(model):
    scaling = keras.Model(model.input, model.get_layer(build.SCALING).output)
    photo = np.arange(256, dtype=np.uint8).repeat(12).reshape(1, 32, 32, 3)
    expected = keras.applications.mobilenet.preprocess_input(photo.astype("float32"))
    assert np.allclose(np.asarray(scaling(photo)), expected, atol=1e-6)


def test_sigmoid_is_one_unit_for_two_classes_only():
    head = HeadRecipe(activation="sigmoid", dropout=0.0)
    assert assemble(head=head, classes=2).output_shape == (None, 1)
    for classes in (3, 10):
        with pytest.raises(ConfigError, match=f"the photos have {classes}") as error:
            assemble(head=head, classes=classes)
        assert error.value.hint == "use --activation softmax"


def test_pooling_max_takes_the_maximum():
    model = assemble(BASE.model_copy(update={"pooling": "max"}))
    assert isinstance(model.get_layer(build.POOLING), keras.layers.GlobalMaxPooling2D)


def test_channels_first_is_an_error(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ConfigError, match=r"'channels_first'.*channels_last only") as error:
        assemble()
    assert "keras.json" in error.value.hint


# The base's weights


def test_weights_file_is_loaded_into_the_base(base_weights):
    model = assemble(BASE.model_copy(update={"weights": str(base_weights)}))
    network = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    network.load_weights(base_weights)
    for layer in network.layers[1:]:
        for loaded, expected in zip(model.get_layer(layer.name).weights, layer.weights, strict=True):
            assert np.array_equal(np.asarray(loaded), np.asarray(expected)), layer.name


def test_absent_weights_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such weights file") as error:
        build.fetch_weights(BASE.model_copy(update={"weights": str(tmp_path / "absent.h5")}))
    assert error.value.where == (str(tmp_path / "absent.h5"),)
    assert error.value.hint == 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_as_weights_is_refused_at_once(kind, tmp_path):
    path = make_special(kind, tmp_path)
    with pytest.raises(ConfigError, match=f"the weights file cannot be read: it is {SPECIAL_FILES[kind]}"):
        build.fetch_weights(BASE.model_copy(update={"weights": str(path)}))


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras warns before it raises its error.
def test_weights_of_another_alpha_are_an_error(base_weights):
    base = BASE.model_copy(update={"weights": str(base_weights), "alpha": 0.5})
    with pytest.raises(ConfigError, match=r"do not fit mobilenet with alpha 0\.5") as error:
        assemble(base)
    assert error.value.where == (str(base_weights),) and "same network and alpha" in error.value.hint


# Both suffixes, and both kinds of damage.
@pytest.mark.parametrize(
    ("name", "length"),
    [
        pytest.param("damaged.weights.h5", 5000, id="truncated-damaged.weights.h5"),
        pytest.param("damaged.h5", 0, id="no HDF5-damaged.h5"),
        pytest.param("damaged.weights.h5", 0, id="no HDF5-damaged.weights.h5", marks=pytest.mark.slow),
        pytest.param("damaged.h5", 5000, id="truncated-damaged.h5", marks=pytest.mark.slow),
    ],
)
def test_damaged_weights_file_is_an_error(base_weights, tmp_path, name, length):
    path = tmp_path / name
    path.write_bytes(base_weights.read_bytes()[:length] or b"not weights")
    with pytest.raises(ConfigError, match="the weights do not fit mobilenet") as error:
        assemble(BASE.model_copy(update={"weights": str(path)}))
    assert error.value.where == (str(path),) and "without the top" in error.value.hint


def test_formula_weights_are_those_of_the_package():
    model = assemble(FORMULA)
    path = bases.resolve_weights_path("mobilenet_v2", 0.35, "formula")
    stored = half_weights.unpack_weights(path.read_bytes())
    weighted = [layer for layer in build.list_base_layers(model) if layer.weights]
    assert len(weighted) == len(stored)
    for layer, weights in zip(weighted, stored.values(), strict=True):
        assert all(map(np.array_equal, layer.get_weights(), weights))
    by_path = assemble(FORMULA.model_copy(update={"weights": str(path)}))
    # The last two weights are those of the head, which are random.
    assert all(map(np.array_equal, by_path.get_weights()[:-2], model.get_weights()[:-2]))


def test_changed_formula_weights_are_an_error(tmp_path, monkeypatch):
    content = bytearray(bases.resolve_weights_path("mobilenet_v2", 0.35, "formula").read_bytes())
    content[-100] ^= 1
    (tmp_path / "mobilenet_v2_0.35.npz").write_bytes(content)
    monkeypatch.setattr(bases, "_SHIPPED_WEIGHTS", tmp_path)
    with pytest.raises(ConfigError, match=r"the formula weights have sha256 .*, expected") as error:
        assemble(FORMULA)
    assert "install edgetl again" in error.value.hint


def test_half_float_weights_of_another_network_are_an_error(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(half_weights.pack_weights(build.list_base_layers(assemble())))
    with pytest.raises(
        ConfigError, match=r"do not fit mobilenet_v2 with alpha 0\.35: the weights are of 54 layers"
    ) as error:
        assemble(FORMULA.model_copy(update={"weights": str(path)}))
    assert error.value.where == (str(path),)


def test_published_weights_that_cannot_be_downloaded_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def fail(name, url, **_):
        raise Exception(f"URL fetch failure on {url}: None -- [Errno -3] Temporary failure in name resolution")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    with pytest.raises(ConfigError, match="name resolution") as error:
        build.fetch_weights(BASE.model_copy(update={"weights": "imagenet"}))
    message, where, hint = error.value.message, error.value.where, error.value.hint
    assert "mobilenet_2_5_224_tf_no_top.h5" in message
    assert where[0] == f"looked in {tmp_path / 'models'}" and where[1].startswith("published at https://")
    assert all(
        part in hint
        for part in ("1. ", "--weights formula", "2. ", "KERAS_HOME", "3. ", "--weights FILE", "4. ", "--weights none")
    )


def test_published_weights_in_the_cache_of_keras_are_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: pytest.fail("the file was downloaded"))
    path = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    path.parent.mkdir()
    path.write_bytes(b"")
    assert build.fetch_weights(BASE.model_copy(update={"weights": "imagenet"})) == path


def test_alpha_without_published_weights_is_an_error():
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.3") as error:
        build.fetch_weights(BASE.model_copy(update={"weights": "imagenet", "alpha": 0.3}))
    assert "0.25, 0.5, 0.75, 1.0" in error.value.hint


# The layers that phase 2 trains


@pytest.mark.parametrize(
    ("spec", "first", "count"),
    [
        pytest.param("all", "conv1", 27, id="all"),
        pytest.param("1", "conv1", 27, id="fraction 1"),
        pytest.param("conv_pw_12", "conv_pw_12", 3, id="a layer and all above it"),
        pytest.param("-3", "conv_pw_13", 1, id="a count"),
        pytest.param("-6", "conv_dw_13", 2, id="a larger count"),
        pytest.param("0.1", "conv_pw_12", 3, id="a fraction"),
    ],
)
def test_selected_layers_have_weights_and_are_not_normalizations(model, spec, first, count):
    names = build.select_trainable_layers(model, spec, FROZEN_NORM)
    assert (names[0], len(names)) == (first, count)
    assert not {layer.name for layer in list_norms(model)} & set(names)


@pytest.mark.parametrize("spec", ["0", "1.5", "-2.5", "-0.3", "nan", "-inf"])
def test_other_numbers_are_an_error(model, spec):
    with pytest.raises(ConfigError, match="neither a layer, a negative count such as -3, nor a fraction"):
        build.select_trainable_layers(model, spec, FROZEN_NORM)


def test_misspelt_layer_gets_a_suggestion(model):
    with pytest.raises(ConfigError, match="no layer 'conv_pw_13_rel'") as error:
        build.select_trainable_layers(model, "conv_pw_13_rel", FROZEN_NORM)
    assert error.value.hint.startswith("did you mean") and "conv_pw_13_relu" in error.value.hint


def test_unknown_layer_gets_the_range_of_layers(model):
    with pytest.raises(ConfigError, match="no layer 'Zebra'") as error:
        build.select_trainable_layers(model, "Zebra", FROZEN_NORM)
    assert "conv1" in error.value.hint and "conv_pw_13_relu" in error.value.hint


def test_count_above_the_number_of_layers_is_an_error(model):
    with pytest.raises(ConfigError, match="cannot unfreeze 1000 layers of") as error:
        build.select_trainable_layers(model, "-1000", FROZEN_NORM)
    assert '"all"' in error.value.hint


def test_count_that_reaches_no_weights_selects_nothing(model):
    assert build.select_trainable_layers(model, "-1", FROZEN_NORM) == []


@pytest.mark.parametrize("spec", ["conv_pw_13_relu", "0.001"])
def test_selection_without_weights_is_an_error(model, spec):
    with pytest.raises(ConfigError, match="selects no layer with weights"):
        build.select_trainable_layers(model, spec, FROZEN_NORM)


def test_batch_normalization_stays_frozen_by_default(small_model):
    model = small_model()
    build.unfreeze(model, build.select_trainable_layers(model, "all", FROZEN_NORM), FROZEN_NORM)
    assert list_trainable(model) == ["conv1", "conv2", "conv3"]
    assert [layer.momentum for layer in list_norms(model)] == [0.999, 0.999]


def test_trained_batch_normalization_gets_the_momentum_of_the_recipe(small_model):
    model = small_model()
    build.unfreeze(model, build.select_trainable_layers(model, "conv2", TRAINED_NORM), TRAINED_NORM)
    assert list_trainable(model) == ["conv2", "bn2", "conv3"]
    assert [layer.momentum for layer in list_norms(model)] == [0.999, 0.8]


def test_activations_of_random_weights_do_not_shrink_from_layer_to_layer():
    base = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=32, weights="none")
    photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")

    def predict_features(model):
        inner = keras.Model(model.inputs, model.get_layer("pooling").output)
        return float(np.abs(inner.predict(photos, verbose=0)).max())

    model = assemble(base)
    assert predict_features(model) < 1e-5
    build.spread_activations(model)
    assert 0.01 < predict_features(model) < 1000


def test_download_of_weights_ends_at_once_with_a_signal(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: time.sleep(60))
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        build.fetch_weights(BASE.model_copy(update={"weights": "imagenet"}))


# The layers of the base that `--recipe classic` trains.
CLASSIC = {
    "mobilenet": ["conv_pw_13", "conv_pw_13_bn"],
    "mobilenet_v2": ["Conv_1", "Conv_1_bn"],
    "mobilenet_v3_small": ["conv_1", "conv_1_bn"],
    "mobilenet_v3_large": ["conv_1", "conv_1_bn"],
    "efficientnet_v2_b0": ["top_conv", "top_bn"],
    "nasnet_mobile": [],
    "nasnet_large": [],
    "densenet121": ["bn"],
    "densenet169": ["bn"],
    "densenet201": ["bn"],
    "inception_v3": [],
    "inception_resnet_v2": ["conv_7b", "conv_7b_bn"],
    "xception": ["block14_sepconv2", "block14_sepconv2_bn"],
    "resnet50": ["conv5_block3_3_bn"],
    "resnet101": ["conv5_block3_3_bn"],
    "resnet152": ["conv5_block3_3_bn"],
    "resnet50_v2": ["post_bn"],
    "resnet101_v2": ["post_bn"],
    "resnet152_v2": ["post_bn"],
    "vgg16": ["block5_conv2", "block5_conv3"],
    "vgg19": ["block5_conv3", "block5_conv4"],
}
# What is named where these are none.
LAST_BLOCKS = {"nasnet_mobile": "normal_concat_11", "nasnet_large": "normal_concat_17", "inception_v3": "mixed9"}
QUICK = ("mobilenet_v2", "vgg16")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in BASES]
)
def test_textbook_recipe_works_for_every_base(name):
    flags = {"base": {"name": name, "side_px": BASES[name].smallest_side_px, "weights": "none"}}
    recipe = resolve_recipe("classic", flags)
    model = assemble(recipe.base, recipe.head)
    assert build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training) == CLASSIC[name]
    if not CLASSIC[name]:
        layers = build.describe_base_layers(model, recipe.training)
        block = unfreezing.find_last_block(layers)
        assert block == LAST_BLOCKS[name]
        assert build.select_trainable_layers(model, block, recipe.training)
