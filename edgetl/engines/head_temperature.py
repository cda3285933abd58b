"""Fits the temperature of a trained model on validation photos, and divides the last layer's weights by it.

A sum of weighted features that is divided by the temperature is the sum with weights and bias divided by it. So every
file that is made from the model outputs the probabilities, and no device computes anything.

The photos count as they are, also after a training in which all classes counted equally: a probability is the share
that is right among photos like those of the validation.
"""

import keras
import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.rejection.temperature import TemperatureFit, compute_log_loss, fit_temperature, pair_logits
from edgetl.core.tasks.task import find_task
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model


def predict_last_features(model: keras.Model, photos: Pixels) -> np.ndarray:
    """Return the inputs of the last layer for photos: float32 [photos, features].

    Args:
        model: from `build.assemble_model`.
        photos: uint8 [photos, height, width, 3].
    """
    return keras_model.predict_outputs(keras.Model(model.input, model.get_layer(build.SCORES).input), photos)


def fold_temperature(model: keras.Model, features: np.ndarray, true_labels: np.ndarray) -> TemperatureFit:
    """Fit the temperature, and divide weights and bias of the last layer by it, in place.

    Args:
        model: from `build.assemble_model`, in float32.
        features: inputs of the last layer for photos that the weights were not trained on, float32 [photos, features].
        true_labels: of the photos, int64 [photos] or [photos, labels].
    """
    head, labels = model.get_layer(build.SCORES), true_labels
    kernel, bias = (np.asarray(weight, np.float32) for weight in head.get_weights())
    logits = features.astype(np.float64) @ kernel + bias
    # One sigmoid unit for two classes, or one for each label.
    if keras.activations.serialize(head.activation) == "sigmoid":
        logits, labels = pair_logits(logits), labels.reshape(-1)
    temperature = fit_temperature(logits, labels)
    before = _compute_scores(head, features)
    head.set_weights([(weight / np.float32(temperature)).astype(np.float32) for weight in (kernel, bias)])
    after = _compute_scores(head, features)
    task = find_task(true_labels)
    differs = (task.decide(before) != task.decide(after)).reshape(len(features), -1).any(axis=1)
    # Two classes that are equal but for rounding may change places. The class is more important than the probability.
    if differs.any():
        head.set_weights([kernel, bias])
        temperature, after = 1.0, before
    return TemperatureFit(
        temperature=temperature,
        photos=len(features),
        log_loss=(compute_log_loss(logits, labels), compute_log_loss(logits / temperature, labels)),
        calibration_error=(
            metrics.compute_calibration_error(before, true_labels),
            metrics.compute_calibration_error(after, true_labels),
        ),
        changed=int(differs.sum()),
    )


def _compute_scores(head: keras.layers.Layer, features: np.ndarray) -> np.ndarray:
    """Return float32 [photos, classes]; one sigmoid unit becomes two columns."""
    return metrics.expand_sigmoid(np.asarray(keras.ops.convert_to_numpy(head(features)), np.float32))
