import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import ClassMapError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps

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
