"""Outputs of an external model: what kind they are, and how they become probabilities."""

from math import prod
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.parallel import BatchPlan, predict_in_batches
from edgetl.engines.keras.model import BATCH_SIZE

_LARGEST_TENSOR_BYTES = 2**30

OutputKind = Literal["softmax", "sigmoid", "softmax logits", "sigmoid logits"]

# Rounding in the model may move probabilities out of 0..1, and their sum away from 1, by less than this.
_RANGE_TOLERANCE, _SUM_TOLERANCE = 1e-3, 1e-2


def predict_raw(model: keras.Model, photos: np.ndarray) -> np.ndarray:
    """Predict photos that are already scaled.

    Args:
        model: from `load_external`, or a wrapped one.
        photos: [photos, height, width, 3] of the dtype of the model's input.

    Returns:
        float32 [photos, units].
    """
    batches = BatchPlan(count=len(photos), size=choose_batch_size(model))
    return predict_in_batches(batches, lambda rows: model.predict_on_batch(photos[rows]))


def choose_batch_size(model: keras.Model) -> int:
    """Choose how many photos are predicted at once: fewer if a layer's output for BATCH_SIZE photos is above 1 GiB."""
    return max(1, min(BATCH_SIZE, _LARGEST_TENSOR_BYTES // max(1, _measure_largest_output(model))))


def _measure_largest_output(model: keras.Model) -> int:
    """Return the size of the largest float32 output of an operation for one photo, bytes; nested models included."""
    largest = 0
    for operation in model.operations:
        # The shape of a nested model's output is that of its last layer.
        if isinstance(operation, keras.Model):
            nested = operation if hasattr(operation, "operations") else keras.Model(operation.inputs, operation.outputs)
            largest = max(largest, _measure_largest_output(nested))
            continue
        for tensor in operation._inbound_nodes[0].output_tensors:
            largest = max(largest, 4 * prod(length or 1 for length in tensor.shape[1:]))
    return largest


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
            hint="--multi-label is for several labels of a photo; for one class, end the model in a softmax, or in one "
            "sigmoid for two classes",
        )
    return "softmax" if within else "softmax logits"


def classify_labels(outputs: np.ndarray, path: Path) -> OutputKind:
    """Classify the outputs of a model for several labels: sigmoids or their logits.

    Args:
        outputs: float [photos, units].
        path: the model file, for messages.

    Raises:
        ConfigError: values that are not finite, or probabilities whose sum is 1 for every photo.
    """
    if not np.isfinite(outputs).all():
        raise ConfigError("the model outputs values that are not finite numbers", where=(path,))
    within = bool((outputs > -_RANGE_TOLERANCE).all() and (outputs < 1 + _RANGE_TOLERANCE).all())
    if within and np.allclose(outputs.sum(axis=1), 1, atol=_SUM_TOLERANCE):
        raise ConfigError(
            "the outputs are the probabilities of one class: their sum is 1, and a photo may have several labels",
            where=(path,),
            hint="end the model in a sigmoid for each label, or leave out --multi-label",
        )
    return "sigmoid" if within else "sigmoid logits"


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
