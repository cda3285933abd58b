"""The losses of the tasks, and the accuracy that is reported with each, as Keras 3 takes them."""

from typing import Any

import keras

from edgetl.core.tasks.one_class import Loss


def find_soft_loss(loss: Loss) -> Loss:
    """Return the loss of the same task for targets that are probabilities."""
    return "categorical_crossentropy" if loss == "sparse_categorical_crossentropy" else loss


def find_loss(loss: Loss) -> Any:
    """Return a loss by its name. That of labels is a function of one value for each label, which weights apply to."""
    return _compute_label_loss if loss == "label_crossentropy" else loss


def find_accuracy(loss: Loss, *, soft: bool = False) -> Any:
    """Return the accuracy for a loss, named "accuracy" in the logs of Keras.

    Args:
        loss: name of the loss.
        soft: whether targets may be probabilities. Keras compares the targets of a sigmoid with 0 and 1.
    """
    if loss == "label_crossentropy" or (soft and loss == "binary_crossentropy"):
        return keras.metrics.MeanMetricWrapper(_compare_labels, name="accuracy")
    return "accuracy"


def _compute_label_loss(targets: Any, scores: Any) -> Any:
    """Return the binary crossentropy of each label: [photos, labels]."""
    return keras.ops.binary_crossentropy(targets, scores)


def _compare_labels(targets: Any, scores: Any) -> Any:
    """Return 1.0 for each right decision about a label with a threshold of 0.5: [photos, labels]."""
    return keras.ops.cast(keras.ops.equal(targets >= 0.5, scores >= 0.5), "float32")
