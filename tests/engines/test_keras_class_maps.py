"""Heat maps of Keras models, and whether those of int8 files are at the same places."""

import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import ClassMapError, correlate_maps
from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.records import InputSpec
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps
from tests.engines.class_map_models import PATCH_PX, SIDE_PX, draw_digits, draw_patches, train

layers = keras_model.keras.layers


def compute_logits(model, photos):
    """Compute the logits by the layers themselves."""
    dense = model.get_layer("scores")
    pooled = np.asarray(keras_model.keras.Model(model.input, model.get_layer("pooling").output)(photos))
    return pooled @ np.asarray(dense.kernel) + np.asarray(dense.bias)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_mean_of_the_maps_plus_bias_is_the_logit(small_model, photo_array, as_pixels, activation):
    model = small_model(activation=activation)
    dense = model.get_layer("scores")
    dense.set_weights([dense.kernel, np.linspace(-1, 1, dense.units)])
    counts = []
    maps = compute_keras_maps(model, as_pixels(photo_array), counts.append)
    assert maps.maps.shape == (30, 8, 8, dense.units) and sum(counts) == 30
    np.testing.assert_allclose(maps.compute_logits(), compute_logits(model, photo_array), atol=1e-4)


def make_head(pooling, *rest):
    return keras_model.keras.Sequential(
        [keras_model.keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="last"), pooling, *rest]
    )


def wrap(body):
    """Wrap a model as one that was made elsewhere."""
    image = keras_model.keras.Input((8, 8, 3), dtype="uint8")
    return keras_model.keras.Model(image, body(layers.Rescaling(1 / 255, name="scaling")(image)))


@pytest.mark.parametrize(
    "rest",
    [
        [layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")],
        [layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(2), layers.Softmax()],
        [layers.GlobalAveragePooling2D(keepdims=True), layers.Flatten(), layers.Dense(2, use_bias=False)],
    ],
    ids=["plain", "dropout", "kept dimensions"],
)
def test_model_inside_a_wrapper_has_maps(rest, as_pixels):
    body, photos = make_head(*rest), np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), np.uint8)
    model = wrap(body)
    maps = compute_keras_maps(model, as_pixels(photos))
    assert maps.maps.shape == (5, 6, 6, 2)
    logits, scores = maps.compute_logits(), np.asarray(model(photos))
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    # The last one has no activation.
    expected = logits if abs(scores.sum(axis=1) - 1).max() > 1e-3 else exponents / exponents.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(expected, scores, atol=1e-4)


def test_base_inside_a_model_has_maps(as_pixels):
    keras = keras_model.keras
    base = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    body = keras.Sequential([keras.Input((8, 8, 3)), base, layers.Dense(3)])
    model, photos = wrap(body), np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), np.uint8)
    maps = compute_keras_maps(model, as_pixels(photos))
    np.testing.assert_allclose(maps.compute_logits(), np.asarray(model(photos)), atol=1e-4)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ([layers.GlobalMaxPooling2D(), layers.Dense(2)], "is a maximum"),
        ([layers.GlobalAveragePooling2D(), layers.Dense(4), layers.Dense(2)], "one dense layer"),
        ([layers.GlobalAveragePooling2D(), layers.ReLU(), layers.Dense(2)], "one dense layer"),
        ([layers.Flatten(), layers.Dense(2)], "one dense layer"),
        ([layers.Conv2D(2, 6), layers.Flatten()], "one dense layer"),
        ([layers.Conv2D(2, 6), layers.GlobalAveragePooling2D(), layers.Dense(2)], "one place only"),
    ],
)
def test_other_heads_are_refused(rest, reason, as_pixels):
    with pytest.raises(ClassMapError, match=reason):
        compute_keras_maps(make_head(*rest), as_pixels(np.zeros((1, 8, 8, 3), np.uint8)))


@pytest.fixture(scope="module")
def convert(as_pixels, tmp_path_factory):
    """Return a function that converts a model to int8 in a format, calibrated with photos."""

    def convert_model(model, format_name, photos):
        folder, backend = tmp_path_factory.mktemp(format_name), BACKENDS[format_name]
        keras_model.save_model(model, folder / "model.keras")
        spec = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop")
        metadata = ModelMetadata(classes=tuple(map(str, range(model.output_shape[1]))), input=spec)
        source = backend.prepare(folder / "model.keras", folder)
        calibrated = backend.calibrate(source, as_pixels(photos), lambda _: None)
        path = folder / f"model.{format_name}"
        path.write_bytes(backend.quantize(calibrated, METHODS["int8"], (), metadata))
        return lambda pixels: backend.compute_class_maps(path, as_pixels(pixels), lambda _: None)

    return convert_model


@pytest.fixture(scope="module")
def digits(small_model):
    photos, labels = draw_digits(600)
    return train(small_model, photos[:500], labels[:500], epochs=20), photos, labels


@pytest.fixture(scope="module")
def patches(small_model):
    labels = np.arange(300) % 3
    photos, _ = draw_patches(labels, seed=1)
    return train(small_model, photos, labels, epochs=6), photos


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_int8_file_looks_where_keras_looks_on_digits(digits, convert, as_pixels, format_name):
    model, photos, labels = digits
    test = photos[500:]
    maps = compute_keras_maps(model, as_pixels(test))
    predicted = maps.compute_logits().argmax(axis=1)
    # A place of this network sees 7 of 32 px: it reads some digits, three times as many as by chance.
    assert np.mean(predicted == labels[500:]) > 0.3
    file_maps = convert(model, format_name, photos[:100])(test)
    correlations = [
        correlate_maps(maps.select(row, label), file_maps.select(row, label)) for row, label in enumerate(predicted)
    ]
    assert np.mean(correlations) >= 0.95


@pytest.mark.parametrize("format_name", ["keras", "tflite", "onnx"])
def test_pasted_patch_is_found(patches, convert, as_pixels, format_name):
    model, photos = patches
    # Two patches in one photo: each class must be found at its own.
    first, second = np.array([0, 1, 2] * 30), np.array([1, 2, 0] * 30)
    test, corners = draw_patches(first, seed=2)
    pasted, others = draw_patches(second, seed=3)
    far = abs(corners - others).max(axis=1) > PATCH_PX + 4
    for photo, source, (row, column) in zip(test, pasted, others, strict=True):
        photo[row : row + PATCH_PX, column : column + PATCH_PX] = source[
            row : row + PATCH_PX, column : column + PATCH_PX
        ]
    assert far.sum() >= 10
    test, places = test[far], ((first[far], corners[far]), (second[far], others[far]))
    if format_name == "keras":
        maps = compute_keras_maps(model, as_pixels(test))
    else:
        maps = convert(model, format_name, photos[:100])(test)
    step = SIDE_PX // maps.maps.shape[1]
    for labels, expected in places:
        for row, (label, corner) in enumerate(zip(labels, expected, strict=True)):
            values = maps.select(row, label)
            highest = np.array(np.unravel_index(values.argmax(), values.shape)) * step + step / 2
            # A place sees 7 px around it.
            assert (abs(highest - (corner + PATCH_PX / 2)) <= PATCH_PX / 2 + 4).all()
