"""keras3: one flat network with its base frozen, weights that fit or are refused by name, answers in photo order."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network import bases
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe, TrainingRecipe
from edgetl.engines.keras import half_weights
from edgetl.engines.keras import model as keras_model

keras = keras_model.keras
BASE = BaseRecipe(name="mobilenet", alpha=0.25, side_px=32, weights="none")
FORMULA = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=32, weights="formula")
HEAD = HeadRecipe(dropout=0.0)
TRAINING = recipe.resolve_recipe("default").training
TRAINS_NORMS = TrainingRecipe(batch_norm="training", batch_norm_momentum=0.8)


@pytest.fixture(scope="module")
def assembled():
    keras_model.reset_keras(1)
    return build.assemble_model(BASE, HeadRecipe(hidden_units=16, dropout=0.3), 3)


@pytest.fixture
def saved(small_model, tmp_path) -> Path:
    path = tmp_path / "model.keras"
    keras_model.save_model(small_model(), path)
    return path


def norms(model):
    return [layer for layer in build.list_base_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]


def test_the_network_is_flat_and_eats_raw_photos(assembled):
    assert not [layer.name for layer in assembled.layers if isinstance(layer, keras.Model)]
    assert assembled.input_shape == (None, 32, 32, 3) and assembled.inputs[0].dtype == "uint8"
    assert assembled.output_shape == (None, 3) and assembled.outputs[0].dtype == "float32"
    names = [layer.name for layer in assembled.layers]
    assert names[1] == build.SCALING and names[-4:] == [
        build.POOLING,
        "hidden",
        "dropout",
        build.SCORES,
    ]
    assert keras_model.read_input_side(assembled) == 32
    assert np.asarray(assembled(np.zeros((2, 32, 32, 3), np.uint8))).sum(axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_only_the_head_is_trainable(assembled):
    assert len(build.list_base_layers(assembled)) > 80
    assert not any(layer.trainable for layer in build.list_base_layers(assembled))
    assert {weight.path.split("/")[0] for weight in assembled.trainable_weights} == {"hidden", build.SCORES}


def test_the_scaling_is_that_of_the_base(assembled):
    scaling = keras.Model(assembled.input, assembled.get_layer(build.SCALING).output)
    photo = np.arange(256, dtype=np.uint8).repeat(12).reshape(1, 32, 32, 3)
    expected = keras.applications.mobilenet.preprocess_input(photo.astype("float32"))
    assert np.allclose(np.asarray(scaling(photo)), expected, atol=1e-6)


def test_a_sigmoid_is_one_unit_for_two_classes():
    head = HeadRecipe(activation="sigmoid", dropout=0.0)
    keras_model.reset_keras(1)
    assert build.assemble_model(BASE, head, 2).output_shape == (None, 1)
    for classes in (3, 10):
        with pytest.raises(ConfigError, match=f"the photos have {classes}") as caught:
            build.assemble_model(BASE, head, classes)
        assert caught.value.hint == "use --activation softmax"
    scores = metrics.expand_sigmoid(np.array([[0.25], [1.0]], np.float32))
    assert scores.tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_channels_first_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ConfigError, match=r"'channels_first'.*channels_last only") as caught:
        build.assemble_model(BASE, HEAD, 3)
    assert "keras.json" in caught.value.hint


def test_max_pooling():
    keras_model.reset_keras(1)
    model = build.assemble_model(BASE.model_copy(update={"pooling": "max"}), HEAD, 3)
    assert isinstance(model.get_layer(build.POOLING), keras.layers.GlobalMaxPooling2D)


def test_weights_of_a_file_are_taken_over(base_weights):
    keras_model.reset_keras(1)
    model = build.assemble_model(BASE.model_copy(update={"weights": str(base_weights)}), HEAD, 3)
    network = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    network.load_weights(base_weights)
    for layer in network.layers[1:]:
        for ours, theirs in zip(model.get_layer(layer.name).weights, layer.weights, strict=True):
            assert np.array_equal(np.asarray(ours), np.asarray(theirs)), layer.name


def test_a_weights_file_that_is_absent(tmp_path):
    with pytest.raises(ConfigError, match="no such weights file") as caught:
        build.assemble_model(BASE.model_copy(update={"weights": str(tmp_path / "gone.h5")}), HEAD, 3)
    assert caught.value.where == (str(tmp_path / "gone.h5"),)
    assert caught.value.hint == 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras says so before it refuses
def test_weights_of_another_alpha(base_weights):
    base = BASE.model_copy(update={"weights": str(base_weights), "alpha": 0.5})
    with pytest.raises(ConfigError, match=r"do not fit mobilenet with alpha 0\.5") as caught:
        build.assemble_model(base, HEAD, 3)
    assert caught.value.where == (str(base_weights),) and "same network and alpha" in caught.value.hint


@pytest.mark.parametrize("name", ["damaged.weights.h5", "damaged.h5"])
@pytest.mark.parametrize("keep", [0, 5000], ids=["no HDF5 at all", "cut short"])
def test_damaged_weights(base_weights, tmp_path, name, keep):
    path = tmp_path / name
    path.write_bytes(base_weights.read_bytes()[:keep] or b"not weights")
    with pytest.raises(ConfigError, match="the weights do not fit mobilenet") as caught:
        build.assemble_model(BASE.model_copy(update={"weights": str(path)}), HEAD, 3)
    assert caught.value.where == (str(path),) and "without the top" in caught.value.hint


def test_the_weights_of_the_package():
    model = build.assemble_model(FORMULA, HEAD, 3)
    path = bases.resolve_weights_path("mobilenet_v2", 0.35, "formula")
    stored = half_weights.unpack_weights(path.read_bytes())
    weighted = [layer for layer in build.list_base_layers(model) if layer.weights]
    assert len(weighted) == len(stored)
    for layer, weights in zip(weighted, stored.values(), strict=True):
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(layer.get_weights(), weights, strict=True))
    again = build.assemble_model(FORMULA.model_copy(update={"weights": str(path)}), HEAD, 3)
    assert all(map(np.array_equal, again.get_weights()[:-2], model.get_weights()[:-2]))


def test_weights_of_the_package_that_were_changed(tmp_path, monkeypatch):
    content = bytearray(bases.resolve_weights_path("mobilenet_v2", 0.35, "formula").read_bytes())
    content[-100] ^= 1
    (tmp_path / "mobilenet_v2_0.35.npz").write_bytes(content)
    monkeypatch.setattr(bases, "_SHIPPED_WEIGHTS", tmp_path)
    with pytest.raises(ConfigError, match="the package says") as caught:
        build.assemble_model(FORMULA, HEAD, 3)
    assert "install edgetl anew" in caught.value.hint


def test_a_file_of_half_floats_of_another_network(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(half_weights.pack_weights(build.list_base_layers(build.assemble_model(BASE, HEAD, 3))))
    with pytest.raises(
        ConfigError, match=r"do not fit mobilenet_v2 with alpha 0\.35: the weights are of 54 layers"
    ) as caught:
        build.assemble_model(FORMULA.model_copy(update={"weights": str(path)}), HEAD, 3)
    assert caught.value.where == (str(path),)


def test_published_weights_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def offline(name, url, **_):
        raise Exception(f"URL fetch failure on {url}: None -- [Errno -3] Temporary failure in name resolution")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(ConfigError, match="name resolution") as caught:
        build.assemble_model(BASE.model_copy(update={"weights": "imagenet"}), HEAD, 3)
    error = caught.value
    assert "mobilenet_2_5_224_tf_no_top.h5" in error.message
    assert error.where[0] == f"looked in {tmp_path / 'models'}" and error.where[1].startswith("published at https://")
    assert all(way in error.hint for way in ("1. ", "KERAS_HOME", "2. ", "--weights FILE", "3. ", "--weights none"))


def test_published_weights_that_are_there_need_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: pytest.fail("nothing was to be fetched"))
    path = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    path.parent.mkdir()
    path.write_bytes(b"")
    assert build.fetch_weights(BASE.model_copy(update={"weights": "imagenet"})) == path


def test_a_width_without_published_weights():
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.3") as caught:
        build.assemble_model(BASE.model_copy(update={"weights": "imagenet", "alpha": 0.3}), HEAD, 3)
    assert "0.25, 0.5, 0.75, 1.0" in caught.value.hint


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
def test_what_is_tuned(assembled, spec, first, count):
    names = build.select_trainable_layers(assembled, spec, TRAINING)
    assert (names[0], len(names)) == (first, count)
    assert not {layer.name for layer in norms(assembled)} & set(names)


@pytest.mark.parametrize("spec", ["0", "1.5", "-2.5", "-0.3", "nan", "-inf"])
def test_neither_layer_nor_count_nor_fraction(assembled, spec):
    with pytest.raises(ConfigError, match="neither a layer, a negative count such as -3, nor a fraction"):
        build.select_trainable_layers(assembled, spec, TRAINING)


def test_a_misspelt_layer_gets_a_suggestion(assembled):
    with pytest.raises(ConfigError, match="no layer 'conv_pw_13_rel'") as caught:
        build.select_trainable_layers(assembled, "conv_pw_13_rel", TRAINING)
    assert caught.value.hint.startswith("did you mean") and "conv_pw_13_relu" in caught.value.hint


def test_a_layer_of_another_network(assembled):
    with pytest.raises(ConfigError, match="no layer 'Zebra'") as caught:
        build.select_trainable_layers(assembled, "Zebra", TRAINING)
    assert "conv1" in caught.value.hint and "conv_pw_13_relu" in caught.value.hint


def test_more_layers_than_there_are(assembled):
    with pytest.raises(ConfigError, match="cannot unfreeze 1000 layers of") as caught:
        build.select_trainable_layers(assembled, "-1000", TRAINING)
    assert '"all"' in caught.value.hint


@pytest.mark.parametrize("spec", ["-1", "conv_pw_13_relu", "0.001"])
def test_nothing_to_train_up_there(assembled, spec):
    with pytest.raises(ConfigError, match="reaches no layer with weights"):
        build.select_trainable_layers(assembled, spec, TRAINING)


def test_batch_normalization_stays_frozen_for_inference(small_model):
    model = small_model()
    build.unfreeze(model, build.select_trainable_layers(model, "all", TRAINING), TRAINING)
    trainable = [layer.name for layer in build.list_base_layers(model) if layer.trainable and layer.weights]
    assert trainable == ["conv1", "conv2", "conv3"]
    assert [layer.momentum for layer in norms(model)] == [0.999, 0.999]


def test_batch_normalization_that_is_trained_forgets_faster(small_model):
    model = small_model()
    build.unfreeze(model, build.select_trainable_layers(model, "conv2", TRAINS_NORMS), TRAINS_NORMS)
    trainable = [layer.name for layer in build.list_base_layers(model) if layer.trainable and layer.weights]
    assert trainable == ["conv2", "bn2", "conv3"]
    assert [layer.momentum for layer in norms(model)] == [0.999, 0.8]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_predict_keeps_the_order(small_model, photo_array, as_pixels, count):
    model = small_model()
    photos = np.random.default_rng(3).permutation(np.concatenate([photo_array] * 5))[:count]
    done: list[int] = []
    scores = keras_model.predict_scores(model, as_pixels(photos), done.append)
    assert scores.shape == (count, 3) and scores.dtype == np.float32 and sum(done) == count
    assert np.allclose(scores, np.asarray(model(photos)), atol=1e-6)


def test_predict_gives_a_sigmoid_two_columns(small_model, photo_array, as_pixels):
    model = small_model(classes=2, activation="sigmoid")
    scores = keras_model.predict_scores(model, as_pixels(photo_array), lambda _: None)
    assert scores.shape == (30, 2) and np.allclose(scores[:, 1:], np.asarray(model(photo_array)), atol=1e-6)


def test_saved_and_loaded(small_model, saved, photo_array):
    again = keras_model.load_model(saved)
    assert np.array_equal(np.asarray(small_model()(photo_array)), np.asarray(again(photo_array)))
    assert not again.compiled and again.inputs[0].dtype == "uint8"


def test_a_model_that_brings_code_is_refused(tmp_path):
    image = keras.Input((32, 32, 3))
    path = tmp_path / "stranger.keras"
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2, output_shape=(32, 32, 3))(image)).save(path)
    with pytest.raises(ConfigError, match="holds a Lambda layer, which is Python code") as caught:
        keras_model.load_model(path)
    assert caught.value.where == (str(path),)


def test_garbage_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    with zipfile.ZipFile(tmp_path / "no_model.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(tmp_path / "no_config.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
    for name, damaged in {
        "empty": b"",
        "text": b"not a model",
        "cut": content[: len(content) // 2],
        "flipped": content[:5000] + bytes([content[5000] ^ 255]) * 300 + content[5300:],
    }.items():
        (tmp_path / f"{name}.keras").write_bytes(damaged)
    (tmp_path / "model.txt").write_bytes(content)
    (tmp_path / "folder.keras").mkdir()
    broken = [path for path in sorted(tmp_path.iterdir()) if path != saved]
    assert len(broken) == 8
    for path in [*broken, tmp_path / "gone.keras"]:
        with pytest.raises(ConfigError, match="not a Keras model that can be loaded safely"):
            keras_model.load_model(path)


@pytest.mark.parametrize("shape", [(32, 32, 1), (32, 48, 3), (None, None, 3), (10,)])
def test_a_model_that_takes_no_square_rgb_photo(shape):
    image = keras.Input(shape)
    with pytest.raises(ConfigError, match="must take one square RGB photo"):
        keras_model.read_input_side(keras.Model(image, keras.layers.Flatten()(image) if None not in shape else image))


def test_a_model_that_takes_two_photos():
    images = [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))]
    with pytest.raises(ConfigError, match="must take one square RGB photo"):
        keras_model.read_input_side(keras.Model(images, keras.layers.Add()(images)))


def test_a_model_that_cannot_be_saved(small_model, tmp_path):
    from edgetl.core.errors import StageError

    with pytest.raises(StageError, match="could not be saved"):
        keras_model.save_model(small_model(), tmp_path / "no" / "such" / "folder" / "model.keras")


def test_where_it_computes():
    assert keras_model.get_backend() == "tensorflow"
    assert keras_model.get_device().split(":")[0] in ("cpu", "gpu")


def test_bfloat16_is_for_gpus():
    before = keras.config.dtype_policy()
    with pytest.raises(ConfigError, match="bfloat16 is for GPUs"), keras_model.use_precision("bfloat16"):
        pass
    assert keras.config.dtype_policy() == before


def test_a_network_that_computes_in_bfloat16_has_a_twin_in_float32(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    keras_model.reset_keras(1)
    with keras_model.use_precision("bfloat16"):
        half = build.assemble_model(BASE, HEAD, 3)
    assert keras.config.dtype_policy().name == "float32"
    assert {layer.compute_dtype for layer in build.list_base_layers(half)} == {"bfloat16"}
    assert half.get_layer(build.SCALING).compute_dtype == half.get_layer(build.SCORES).compute_dtype == "float32"
    assert {str(weight.dtype) for weight in half.weights} == {"float32"}
    twin = keras_model.convert_to_float32(half)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in half.layers]
    assert {layer.compute_dtype for layer in build.list_base_layers(twin)} == {"float32"}
    assert twin.inputs[0].dtype == "uint8"
    assert all(np.array_equal(a, b) for a, b in zip(twin.get_weights(), half.get_weights(), strict=True))
    photos = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    assert np.allclose(np.asarray(twin(photos)), np.asarray(half(photos)), atol=0.05)
