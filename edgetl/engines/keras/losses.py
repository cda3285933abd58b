"""The losses of the tasks, and the accuracy that is reported with each, as Keras 3 takes them."""

from collections.abc import Callable
from typing import Any

import keras

from edgetl.core.recipe.teacher import TeacherRecipe
from edgetl.core.tasks.one_class import Loss

# The logarithm of a probability of 0 is not finite. It is the epsilon of Keras's losses.
_SMALLEST = 1e-7


def find_soft_loss(loss: Loss) -> Loss:
    """Return the loss of the same task for targets that are probabilities."""
    return "categorical_crossentropy" if loss == "sparse_categorical_crossentropy" else loss


def make_teacher_loss(loss: Loss, teacher: TeacherRecipe) -> Callable[[Any, Any], Any]:
    """Return the loss of a student.

    Its targets are those of the labels, and beside them the probabilities of the teacher: [photos, 2 * units]. Targets
    of validation photos are those of the labels alone, and so is their loss.

    Args:
        loss: for targets that are probabilities.
        teacher: temperature and weight.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015: the squared temperature
    keeps the gradients of both terms comparable.
    """
    compute = _SOFT_LOSSES[loss]

    def compute_loss(targets: Any, scores: Any) -> Any:
        units = scores.shape[-1]
        plain = compute(targets[..., :units], scores)
        if targets.shape[-1] == units:
            return plain
        taught = soften_scores(targets[..., units:], teacher.temperature, sigmoid=loss != "categorical_crossentropy")
        softened = soften_scores(scores, teacher.temperature, sigmoid=loss != "categorical_crossentropy")
        weight = teacher.weight
        return (1 - weight) * plain + weight * teacher.temperature**2 * compute(taught, softened)

    return compute_loss


def soften_scores(scores: Any, temperature: float, *, sigmoid: bool) -> Any:
    """Return probabilities whose logits are divided by a temperature: the same shape.

    Args:
        scores: probabilities, [photos, units].
        temperature: 1 changes nothing.
        sigmoid: whether each unit is a probability of its own.
    """
    scores = keras.ops.clip(scores, _SMALLEST, 1.0)
    if not sigmoid:
        return keras.ops.softmax(keras.ops.log(scores) / temperature)
    complement = keras.ops.clip(1 - scores, _SMALLEST, 1.0)
    return keras.ops.sigmoid((keras.ops.log(scores) - keras.ops.log(complement)) / temperature)


def find_loss(loss: Loss) -> Any:
    """Return a loss by its name. That of labels is a function of one value for each label, which weights apply to."""
    return _compute_label_loss if loss == "label_crossentropy" else loss


def find_accuracy(loss: Loss, *, soft: bool = False) -> Any:
    """Return the accuracy for a loss, named "accuracy" in the logs of Keras.

    Args:
        loss: name of the loss.
        soft: whether targets may be probabilities, with those of a teacher beside them. Keras compares the targets of a
            sigmoid with 0 and 1.
    """
    if soft and loss == "categorical_crossentropy":
        return keras.metrics.MeanMetricWrapper(_compare_classes, name="accuracy")
    if loss == "label_crossentropy" or (soft and loss == "binary_crossentropy"):
        return keras.metrics.MeanMetricWrapper(_compare_labels, name="accuracy")
    return "accuracy"


def _compute_label_loss(targets: Any, scores: Any) -> Any:
    """Return the binary crossentropy of each label: [photos, labels]."""
    return keras.ops.binary_crossentropy(targets, scores)


def _compare_labels(targets: Any, scores: Any) -> Any:
    """Return 1.0 for each right decision about a label with a threshold of 0.5: [photos, labels]."""
    targets = targets[..., : scores.shape[-1]]
    return keras.ops.cast(keras.ops.equal(targets >= 0.5, scores >= 0.5), "float32")


def _compare_classes(targets: Any, scores: Any) -> Any:
    """Return 1.0 for each photo whose likeliest class is that of its label: [photos]."""
    labels = keras.ops.argmax(targets[..., : scores.shape[-1]], axis=-1)
    return keras.ops.cast(keras.ops.equal(labels, keras.ops.argmax(scores, axis=-1)), "float32")


_SOFT_LOSSES: dict[Loss, Callable[[Any, Any], Any]] = {
    "categorical_crossentropy": keras.losses.categorical_crossentropy,
    "binary_crossentropy": keras.losses.binary_crossentropy,
    "label_crossentropy": _compute_label_loss,
}
