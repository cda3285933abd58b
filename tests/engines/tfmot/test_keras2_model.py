"""keras2_model.py: the Keras 2 model predicts what the Keras 3 model does, or is rejected."""

from typing import Any

import numpy as np
import pytest


def measure_differences(folder: str) -> list[float]:
    from edgetl.core.network import folding
    from edgetl.engines.tfmot.keras2_model import build_keras2, check_against_keras3
    from tests.engines.small_network import load_small_network

    small = load_small_network(folder)
    networks = (small.network, folding.fold_batch_norm(small.network))
    models = [build_keras2(network).model for network in networks]
    return [check_against_keras3(model, small.photos, small.scores, "the network") for model in models]


def test_the_network_and_its_folded_form_predict_the_scores_of_keras_3(keras2, small_network):
    assert max(keras2(measure_differences, small_network)) < 1e-5


def check_swapped_classes(folder: str) -> list[str]:
    from edgetl.core.errors import StageError
    from edgetl.engines.tfmot.keras2_model import build_keras2, check_against_keras3
    from tests.engines.small_network import load_small_network

    small = load_small_network(folder)
    weights, bias = small.network.node("scores").weights
    swapped = small.network.replace_weights({"scores": (weights[:, ::-1].copy(), bias)})
    try:
        check_against_keras3(build_keras2(swapped).model, small.photos, small.scores, "the network")
    except StageError as error:
        return [error.message, error.hint]
    return []


def test_a_model_with_other_scores_is_an_error(keras2, small_network):
    message, hint = keras2(check_swapped_classes, small_network)
    assert message.startswith("the network in Keras 2 differs from Keras 3: the largest difference is ")
    assert message.endswith(", 0.0001 is allowed") and hint.startswith("choose another --method")


def train_one_step(folder: str) -> dict[str, bool]:
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import load_small_network

    small = load_small_network(folder)
    keras2 = build_keras2(small.network)
    keras2.model.compile("sgd", "sparse_categorical_crossentropy")
    keras2.model.train_on_batch(small.photos, small.labels)
    return {
        name: any((new != old).any() for new, old in zip(keras2.layers[name].get_weights(), node.weights, strict=True))
        for name in ("bn1", "conv3")
        for node in [small.network.node(name)]
    }


def test_batch_normalization_is_not_trained(keras2, small_network):
    assert keras2(train_one_step, small_network) == {"bn1": False, "conv3": True}


def compute_special_layers() -> dict[str, Any]:
    from edgetl.core.network.description import AFFINE, Network, Node
    from edgetl.engines.tfmot.keras2_model import build_keras2

    network = Network(
        (
            Node(name="photo", kind="InputLayer", inputs=(), shape=(2,)),
            Node(
                name="block/affine",
                kind=AFFINE,
                inputs=("photo",),
                shape=(2,),
                weights=(np.float32([2, 3]), np.array(0.5, np.float32)),
            ),
            Node(
                name="sum",
                kind="CustomScaleLayer",
                inputs=("photo", "block/affine"),
                shape=(2,),
                config={"scale": 0.1},
            ),
        )
    )
    keras2 = build_keras2(network)
    configs = [keras2.layers[name].get_config() for name in ("block/affine", "sum")]
    return {
        "names": [config["name"] for config in configs],
        "scales": [config["scale"] for config in configs],
        "outputs": keras2.model.predict_on_batch(np.float32([[1, -1]])).tolist(),
    }


def test_affine_layers_and_scaled_sums_are_computed(keras2):
    result = keras2(compute_special_layers)
    assert result["names"] == ["block_of_affine", "sum"] and result["scales"] == [[2.0, 3.0], 0.1]
    np.testing.assert_allclose(result["outputs"], [[1 + 0.25, -1 - 0.25]], rtol=1e-6)


POINTS = np.linspace(-8, 8, 33, dtype=np.float32).reshape(1, -1)


def compute_activations() -> dict[str, Any]:
    from edgetl.engines.tfmot.keras2_model import ACTIVATIONS

    return {name: np.asarray(activation(POINTS)).tolist() for name, activation in ACTIVATIONS.items()}


@pytest.fixture(scope="module")
def activations(keras2):
    return keras2(compute_activations)


@pytest.mark.parametrize(
    "name", ["linear", "relu", "relu6", "silu", "hard_silu", "hard_sigmoid", "sigmoid", "softmax", "tanh"]
)
def test_activations_are_those_of_keras_3(activations, name):
    from edgetl.engines.keras import model as keras_model

    expected = np.asarray(keras_model.keras.activations.get(name)(POINTS))
    np.testing.assert_allclose(activations[name], expected, atol=1e-6)
    assert len(activations) == 9, "every activation is in the list of this test"
