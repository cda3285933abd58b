"""train_step.py: a step changes the weights as Keras does, for batches of any size, and is traced once."""

from typing import Any

import numpy as np
import pytest

# Loss → units of the model, and its activation.
LOSSES = {
    "sparse_categorical_crossentropy": (3, "softmax"),
    "binary_crossentropy": (1, "sigmoid"),
    "label_crossentropy": (3, "sigmoid"),
}


def train_with_keras_and_with_step(loss: str) -> float:
    import tf_keras

    from edgetl.engines.tfmot.train_step import compile_train_step
    from tests.engines.tfmot.test_train_step import LOSSES

    units, activation = LOSSES[loss]
    generator = np.random.default_rng(0)

    def make_model() -> Any:
        tf_keras.utils.set_random_seed(0)
        return tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(units, activation=activation)])

    inputs = generator.normal(size=(10, 4)).astype(np.float32)
    targets = {
        "sparse_categorical_crossentropy": np.arange(10) % 3,
        "binary_crossentropy": np.float32(np.arange(10) % 2).reshape(-1, 1),
        "label_crossentropy": generator.integers(0, 2, (10, 3)).astype(np.float32),
    }[loss]
    weights = generator.uniform(0.5, 2, targets.shape if loss == "label_crossentropy" else 10).astype(np.float32)
    expected, model = make_model(), make_model()
    keras_loss = tf_keras.backend.binary_crossentropy if loss == "label_crossentropy" else loss
    expected.compile(optimizer=tf_keras.optimizers.Adam(0.1), loss=keras_loss)
    step = compile_train_step(model, loss, 0.1, (targets, weights))
    differences = []
    for rows in (slice(0, 8), slice(8, 10), slice(2, 10)):
        mean_loss, scores = step(inputs[rows], targets[rows], weights[rows])
        differences.append(float(np.abs(scores - expected.predict_on_batch(inputs[rows])).max()))
        differences.append(abs(float(mean_loss) - expected.train_on_batch(inputs[rows], targets[rows], weights[rows])))
        pairs = zip(model.get_weights(), expected.get_weights(), strict=True)
        differences += [float(np.abs(weight - other).max()) for weight, other in pairs]
    return max(differences)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_changes_the_weights_as_that_of_keras_does(keras2, loss):
    assert keras2(train_with_keras_and_with_step, loss) < 1e-5


def count_traces() -> int:
    import tf_keras

    from edgetl.engines.tfmot.train_step import compile_train_step

    traces: list[int] = []

    class Counted(tf_keras.layers.Dense):
        def call(self, inputs: Any) -> Any:
            traces.append(0)
            return super().call(inputs)

    model = tf_keras.Sequential([tf_keras.Input((4,)), Counted(3, activation="softmax")])
    labels, weights = np.zeros(10, np.int64), np.ones(10, np.float32)
    step = compile_train_step(model, "sparse_categorical_crossentropy", 0.1, (labels, weights))
    traces.clear()
    for count in (10, 3, 7):
        step(np.zeros((count, 4), np.float32), labels[:count], weights[:count])
    return len(traces)


def test_the_graph_is_traced_once_for_batches_of_all_sizes(keras2):
    assert keras2(count_traces) == 1
