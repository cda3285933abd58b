"""twin.py: the same network in Keras 2, proven, or refused."""

import pytest


def test_the_network_and_its_folded_form_answer_as_keras_3_does(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import keras2_model as twin
result = [
    twin.check_against_keras3(twin.build_keras2(whole).model, photos, answers, "it") for whole in (net, folding.folded(net))
]
"""
    )
    assert max(found) < 1e-5


def test_a_twin_that_answers_otherwise_is_refused(legacy, told):
    found = legacy(
        told
        + """
from edgetl.core.errors import StageError
from edgetl.engines.tfmot import keras2_model as twin
kernel, bias = net.node("scores").weights
other = net.replace_weights({"scores": (kernel[:, ::-1].copy(), bias)})
try:
    twin.check_against_keras3(twin.build_keras2(other).model, photos, answers, "the network")
except StageError as error:
    result = [error.message, error.hint]
"""
    )
    assert found[0].startswith("the network in Keras 2 answers otherwise than Keras 3: the largest difference is ")
    assert "0.0001 is allowed" in found[0] and "another method" in found[1]


def test_batch_normalization_does_not_train(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import keras2_model as twin
made = twin.build_keras2(net)
before = [weight.copy() for weight in made.layers["bn1"].get_weights()]
made.model.compile("sgd", "sparse_categorical_crossentropy")
made.model.train_on_batch(photos, labels)
result = [
    bool(all(np.array_equal(a, b) for a, b in zip(before, made.layers["bn1"].get_weights()))),
    bool(np.array_equal(made.layers["conv3"].get_weights()[0], net.node("conv3").weights[0])),
]
"""
    )
    assert found == [True, False]


@pytest.mark.parametrize("name", ["relu", "relu6", "silu", "hard_silu", "hard_sigmoid", "sigmoid", "tanh", "softmax"])
def test_activations_are_those_of_keras_3(legacy, name):
    import numpy as np

    from edgetl.engines.keras import model as keras_model

    given = np.linspace(-8, 8, 33, dtype=np.float32).reshape(1, -1)
    code = f"""
import numpy as np
from edgetl.engines.tfmot.keras2_model import ACTIVATIONS
result = np.asarray(ACTIVATIONS[{name!r}](np.linspace(-8, 8, 33, dtype=np.float32).reshape(1, -1))).tolist()
"""
    ours = np.array(legacy(code))
    theirs = np.asarray(keras_model.keras.activations.get(name)(given))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
