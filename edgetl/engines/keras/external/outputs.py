"""Outputs of an external model: what kind they are, and how they become probabilities."""

from pathlib import Path
from typing import Literal

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.parallel import predict_in_batches
from edgetl.engines.keras.model import BATCH_SIZE

OutputKind = Literal["softmax", "sigmoid", "softmax logits", "sigmoid logits"]

# Rounding in the model may move probabilities out of 0..1, and their sum away from 1, by less than this.
_RANGE_TOLERANCE, _SUM_TOLERANCE = 1e-3, 1e-2


def predict_raw(model: keras.Model, photos: np.ndarray) -> np.ndarray:
    """Predict photos that are already scaled.

    Args:
        model: from `load_external`, or a wrapped one.
        photos: [photos, side, side, 3] of the dtype of the model's input.

    Returns:
        float32 [photos, units].
    """
    return predict_in_batches(len(photos), BATCH_SIZE, lambda rows: model.predict_on_batch(photos[rows]))


def classify_outputs(outputs: np.ndarray, path: Path) -> OutputKind:
    """Classify a model's outputs (softmax, sigmoid, or the logits of either) from sample values.

    Args:
        outputs: float [photos, units].
        path: the model file, for messages.

    Raises:
        ConfigError: values that are not finite, or several outputs in 0..1 whose sum is not 1.
    """
    if not np.isfinite(outputs).all():
        raise ConfigError("the model outputs values that are not finite numbers", where=(path,))
    within = bool((outputs > -_RANGE_TOLERANCE).all() and (outputs < 1 + _RANGE_TOLERANCE).all())
    if outputs.shape[1] == 1:
        return "sigmoid" if within else "sigmoid logits"
    if within and not np.allclose(outputs.sum(axis=1), 1, atol=_SUM_TOLERANCE):
        raise ConfigError(
            "the outputs are independent probabilities: they are in 0..1, and their sum is not 1",
            where=(path,),
            hint="edgetl predicts one class per photo: end the model in a softmax, or in one sigmoid for two classes",
        )
    return "softmax" if within else "softmax logits"


def compute_probabilities(outputs: np.ndarray, kind: OutputKind) -> np.ndarray:
    """Convert outputs to probabilities.

    Args:
        outputs: float [photos, units].
        kind: what the outputs are.

    Returns:
        float [photos, classes]; one sigmoid unit becomes two columns.
    """
    if kind == "sigmoid logits":
        outputs = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    if kind == "softmax logits":
        # The largest logit is subtracted so that exp cannot overflow; the quotient stays the same.
        exponentials = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
        outputs = exponentials / exponentials.sum(axis=1, keepdims=True)
    return metrics.expand_sigmoid(outputs)
