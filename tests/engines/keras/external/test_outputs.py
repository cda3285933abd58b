"""Outputs of an external model: their kind, and the probabilities that they become."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external import outputs


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], "softmax"),
        ([[0.7, 0.2, 0.1001], [-1e-4, 0.1, 0.9]], "softmax"),
        ([[2.0, -1.0, 0.5], [0.0, 0.3, 0.1]], "softmax logits"),
        ([[0.7], [0.0]], "sigmoid"),
        ([[0.7], [-3.0]], "sigmoid logits"),
    ],
)
def test_kind_of_outputs(values, kind, tmp_path):
    assert outputs.classify_outputs(np.array(values, np.float32), tmp_path) == kind


def test_independent_probabilities_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match="independent probabilities") as error:
        outputs.classify_outputs(np.array([[0.9, 0.8, 0.1]]), tmp_path)
    assert error.value.where == (str(tmp_path),)


def test_values_that_are_not_finite_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match="not finite"):
        outputs.classify_outputs(np.array([[np.nan, 0.8, 0.1]]), tmp_path)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([[0.7, 0.2, 0.1]], "softmax", [[0.7, 0.2, 0.1]]),
        ([[1000.0, 1000.0]], "softmax logits", [[0.5, 0.5]]),
        ([[np.log(3.0), 0.0]], "softmax logits", [[0.75, 0.25]]),
        ([[0.25]], "sigmoid", [[0.75, 0.25]]),
        ([[np.log(3.0)]], "sigmoid logits", [[0.25, 0.75]]),
    ],
)
def test_probabilities_of_outputs(values, kind, expected):
    assert np.allclose(outputs.compute_probabilities(np.array(values, np.float32), kind), expected, atol=1e-6)


@pytest.mark.parametrize("nested", [False, True])
def test_batches_are_smaller_where_a_layer_outputs_much(make_classifier, nested):
    assert outputs.choose_batch_size(make_classifier()) == outputs.BATCH_SIZE
    # 1024 * 1024 pixels * 32 channels * 4 bytes are 128 MiB for each photo.
    layer = keras.layers.Conv2D(32, 1)
    image = keras.Input((1024, 1024, 3))
    if nested:
        layer = keras.Sequential([keras.Input((1024, 1024, 3)), layer, keras.layers.MaxPooling2D(64)])
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(layer(image)))
    assert outputs.choose_batch_size(model) == 8


def test_predictions_are_in_photo_order_across_batches(make_classifier, photo_array):
    model = make_classifier()
    photos = np.concatenate([photo_array] * 3).astype(np.float32)
    assert np.allclose(outputs.predict_raw(model, photos), np.asarray(model(photos)), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "kind"), [([[0.9, 0.8, 0.1], [0.0, 0.1, 0.2]], "sigmoid"), ([[2.0, -1.0], [0.1, 0.2]], "sigmoid logits")]
)
def test_kind_of_outputs_for_several_labels(values, kind, tmp_path):
    assert outputs.classify_labels(np.array(values, np.float32), tmp_path) == kind


def test_softmax_has_no_several_labels(tmp_path):
    with pytest.raises(ConfigError, match="their sum is 1, and a photo may have several labels") as error:
        outputs.classify_labels(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]), tmp_path)
    assert "leave out --multi-label" in error.value.hint
    with pytest.raises(ConfigError, match="not finite"):
        outputs.classify_labels(np.array([[np.nan, 0.2]]), tmp_path)
