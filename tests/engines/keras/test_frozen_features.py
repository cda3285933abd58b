"""features.py: the frozen half says the same as Keras, once per photo and view, and training on it is training."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.progress import TrainingListener
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import frozen_features, split_points, two_phase
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.batches import LabelledPhotos
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView

SIDE = 32


class Held:
    """Pixels in memory, counting how many are asked for."""

    shape = InputSpec(side_px=SIDE, fit="crop")

    def __init__(self, array):
        self.array = array
        self.asked = 0

    def __len__(self):
        return len(self.array)

    def rows(self, indices):
        self.asked += len(indices)
        return self.array[indices]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def shapes(count, seed=0):
    """Photos of three classes that can be told apart: bright bands at different heights in noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = rng.integers(0, 90, (count, SIDE, SIDE, 3), dtype=np.uint8)
    for row, label in enumerate(labels):
        pixels[row, 10 * label : 10 * label + 10] += 120
    return LabelledPhotos(
        pixels=Held(pixels), labels=labels, sha256s=[f"{seed * 10_000 + i:064x}" for i in range(count)]
    )


def recipe(**tables):
    still = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    flags = {
        "base": {"alpha": 0.35, "weights": "none", "side_px": SIDE},
        "head": {"dropout": 0.0},
        "augment": still,
        "training": {"batch_size": 8, "patience": 0, "batch_norm": "inference"},
        "phase1": {"epochs": 2},
        "phase2": {"epochs": 2, "unfreeze": "-3"},
    }
    return resolve_recipe("default", {table: {**flags.get(table, {}), **tables.get(table, {})} for table in flags})


def frozen(told):
    keras_model.reset_keras(1)
    model = build.assemble_model(told.base, told.head, 3)
    found = [cut for cut in split_points.find_split_points(model) if cut.name in ("block_16_project_BN", "pooling")]
    return model, FrozenPart(model, found, Held.shape)


def view(photos, key="as it is"):
    return PhotoView(key=key, sha256s=photos.sha256s, pixels=photos.pixels.rows)


def test_the_frozen_half_says_what_keras_says():
    photos, (model, half) = shapes(11), frozen(recipe())
    half.fill([view(photos)], lambda _: None)
    expected = keras.Model(model.input, model.get_layer("pooling").output).predict_on_batch(photos.pixels.array)
    assert np.abs(half.opened(view(photos), 1).rows(range(11)) - expected).max() < 1e-4 * np.abs(expected).max()


def test_each_photo_and_view_is_computed_once():
    photos, (_, half) = shapes(9), frozen(recipe())
    done = []
    half.fill([view(photos), view(photos, "mirrored")], done.append)
    assert sum(done) == 18
    photos.pixels.asked = 0
    half.fill([view(photos), view(photos, "mirrored")], done.append)
    assert (sum(done), photos.pixels.asked) == (18, 0)


def test_under_keras_itself_the_features_are_the_same(monkeypatch):
    photos, (_, half) = shapes(23), frozen(recipe())
    half.fill([view(photos)], lambda _: None)
    on_litert = half.opened(view(photos), 1).rows(range(23))
    monkeypatch.setattr(frozen_features, "_on_litert", lambda: False)
    monkeypatch.setattr(frozen_features.keras_model, "GPU_BATCH_SIZE", 4)
    _, half = frozen(recipe())
    done = []
    half.fill([view(photos)], done.append)
    assert done == [4, 4, 4, 4, 4, 3]
    assert np.allclose(half.opened(view(photos), 1).rows(range(23)), on_litert, atol=1e-4 * np.abs(on_litert).max())


def test_batches_are_prepared_ahead_in_order_and_not_all_at_once(monkeypatch):
    monkeypatch.setattr(frozen_features.machine, "cores", lambda: 2)
    asked = []

    def pixels(rows):
        asked.append(int(rows[0]))
        return rows

    prepared = frozen_features._prepared([np.array([number]) for number in range(20)], pixels)
    assert [int(next(prepared)[0]) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(asked) <= 5 + 3
    assert [int(batch[0]) for batch in prepared] == list(range(5, 20))


def test_other_weights_are_another_store():
    photos, (model, half) = shapes(4), frozen(recipe())
    half.fill([view(photos)], lambda _: None)
    layer = model.get_layer("Conv1")
    layer.set_weights([weight + 0.1 for weight in layer.get_weights()])
    found = [cut for cut in split_points.find_split_points(model) if cut.name == "pooling"]
    assert FrozenPart(model, found, Held.shape).stores(view(photos))[0].missing(photos.sha256s) == [0, 1, 2, 3]


def test_another_augmentation_is_another_store(monkeypatch, tmp_path):
    photos, (model, half) = shapes(4), frozen(recipe())
    half.fill([view(photos)], lambda _: None)
    assert half.stores(view(photos))[0].missing(photos.sha256s) == []
    changed = tmp_path / "augment.py"
    changed.write_bytes(Path(frozen_features.augment.__file__).read_bytes() + b"# turned the other way\n")
    monkeypatch.setattr(frozen_features.augment, "__file__", str(changed))
    found = [cut for cut in split_points.find_split_points(model) if cut.name in ("block_16_project_BN", "pooling")]
    assert FrozenPart(model, found, Held.shape).stores(view(photos))[0].missing(photos.sha256s) == [0, 1, 2, 3]


def test_features_that_are_not_keras_s_stop_the_build(monkeypatch):
    photos, (_, half) = shapes(8), frozen(recipe())
    invoked = frozen_features._LiteRtProgram._invoked
    monkeypatch.setattr(frozen_features._LiteRtProgram, "_invoked", lambda self, p: [2 * a for a in invoked(self, p)])
    with pytest.raises(StageError, match="differ from Keras"):
        half.fill([view(photos)], lambda _: None)


QUIET = TrainingListener(begin=lambda *_: None, step=lambda *_: None, epoch=lambda _: None, say=lambda _: None)


def headed(builder, **arguments):
    """Any network of keras.applications between the scaling and a head, as `keras3.assembled` puts it."""
    image = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    network = builder(input_tensor=scaled, input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, **arguments)
    network.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D(name=build.POOLING)(network.output)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name=build.SCORES)(pooled))


def trained(told, builder, **arguments):
    keras_model.reset_keras(told.training.seed)
    model = headed(builder, **arguments)
    two_phase.train_two_phases(model, shapes(40), shapes(12, seed=1), told, QUIET)
    return model.get_weights()


@pytest.mark.parametrize(
    ("builder", "arguments", "unfreeze"),
    [
        (keras.applications.MobileNetV2, {"alpha": 0.35}, "-3"),
        pytest.param(keras.applications.MobileNetV2, {"alpha": 0.35}, "block_15_expand", marks=pytest.mark.slow),
        pytest.param(keras.applications.MobileNet, {"alpha": 0.25}, "-3", marks=pytest.mark.slow),
        pytest.param(keras.applications.ResNet50, {}, "conv5_block3_3_conv", marks=pytest.mark.slow),
        pytest.param(keras.applications.VGG16, {}, "-3", marks=pytest.mark.slow),
    ],
)
def test_cached_training_reaches_the_weights_of_plain_training(builder, arguments, unfreeze):
    told = recipe(phase2={"unfreeze": unfreeze})
    plain = told.model_copy(update={"training": told.training.model_copy(update={"feature_cache": False})})
    ours, theirs = trained(told, builder, **arguments), trained(plain, builder, **arguments)
    assert max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)) < 1e-4
