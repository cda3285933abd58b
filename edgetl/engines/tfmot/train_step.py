"""A training step of a retraining: one graph for batches of any size. Child process only.

`Model.train_on_batch` traces the model again for a smaller last batch, and each time once more because it creates
variables. It starts a data pipeline for each batch, and its Adam is a dozen operators for each weight.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.tasks.one_class import Loss

# (inputs, targets, weights) → mean loss and scores, float32 [] and [photos, units].
TrainStep = Callable[[Any, np.ndarray, np.ndarray], tuple[Any, Any]]


def compile_train_step(
    model: tf_keras.Model, loss: Loss, learning_rate: float, data: tuple[np.ndarray, np.ndarray]
) -> TrainStep:
    """Compile a step of Adam.

    Args:
        model: its trainable variables are trained.
        loss: name of the loss.
        learning_rate: the same in all steps.
        data: targets of all photos, as the loss takes them, and float32 weights of the shape of the losses: [photos],
            or [photos, labels] where a photo may have several labels.

    Returns:
        A function that trains on a batch: its inputs are float32 [photos, …].
    """
    variables, compute_losses = model.trainable_variables, _find_loss(loss)
    # The other Adam of Keras 2 has no kernel of its own.
    optimizer = tf_keras.optimizers.legacy.Adam(learning_rate)
    _create_moments(optimizer, variables)

    def train(inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            scores = model(inputs, training=True)
            mean_loss = tf.reduce_mean(compute_losses(targets, scores) * weights)
        optimizer.apply_gradients(zip(tape.gradient(mean_loss, variables), variables, strict=True))
        return mean_loss, scores

    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in data]
    inputs_spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    # Nothing here needs AutoGraph, which converts the Python code of every layer.
    step: TrainStep = tf.function(train, input_signature=[inputs_spec, *specs], autograph=False)
    return step


def _find_loss(loss: Loss) -> Callable[[Any, Any], Any]:
    """Return a function from targets and scores to the loss of each photo, or of each label [photos, labels]."""
    if loss == "label_crossentropy":
        label_loss: Callable[[Any, Any], Any] = tf_keras.backend.binary_crossentropy
        return label_loss
    photo_loss: Callable[[Any, Any], Any] = tf_keras.losses.get(loss)
    return photo_loss


def _create_moments(optimizer: Any, variables: list[Any]) -> None:
    """Create the variables of the optimizer before the graph is traced: a trace that creates them is repeated.

    A step with gradients of zero leaves the weights and the moments as they are.
    """
    optimizer.apply_gradients([(tf.zeros_like(variable), variable) for variable in variables])
    optimizer.iterations.assign(0)
