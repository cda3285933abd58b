"""prune_cluster.py: the requested sparsity and number of values, and no change to other weights."""

from typing import Any

import numpy as np
import pytest


def prune(folder: str) -> dict[str, Any]:
    from edgetl.engines.tfmot import prune_cluster
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    setup = small.make_setup(epochs=4, sparsity=0.75)
    pruned, result = prune_cluster.prune_network(small.network, setup, Recorder().listener)
    scores = build_keras2(pruned).model.predict_on_batch(small.photos)
    bn1 = zip(pruned.node("bn1").weights, small.network.node("bn1").weights, strict=True)
    return {
        "zeros": {node.name: float((node.weights[0] == 0).mean()) for node in pruned.nodes if node.weights},
        "best_epoch": result.best_epoch,
        "accuracy": result.accuracy,
        "accuracy_of_network": float((scores.argmax(axis=1) == small.labels).mean()),
        "bn1_is_unchanged": all(np.array_equal(new, old) for new, old in bn1),
    }


@pytest.mark.slow
def test_pruned_weights_have_the_requested_sparsity(keras2, small_network):
    result = keras2(prune, small_network)
    zeros = {name: round(zeros, 2) for name, zeros in result["zeros"].items()}
    assert (zeros["conv1"], zeros["conv3"], zeros["scores"]) == (0.75, 0.75, 0.75)
    assert zeros["conv2"] == 0 and result["bn1_is_unchanged"], "depthwise weights and BatchNormalization stay"
    assert result["best_epoch"] >= 2, "the sparsity grows in the first half of the epochs"
    assert result["accuracy"] == pytest.approx(result["accuracy_of_network"])


def cluster(folder: str) -> dict[str, Any]:
    from edgetl.engines.tfmot import prune_cluster
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    setup = small.make_setup(epochs=2, clusters=6)
    clustered, result = prune_cluster.cluster_network(small.network, setup, Recorder().listener)
    scores = build_keras2(clustered).model.predict_on_batch(small.photos)
    return {
        "values": {node.name: len(np.unique(node.weights[0])) for node in clustered.nodes if node.weights},
        "shapes": [[weights.shape for weights in node.weights] for node in clustered.nodes],
        "shapes_before": [[weights.shape for weights in node.weights] for node in small.network.nodes],
        "best_epoch": result.best_epoch,
        "accuracy": result.accuracy,
        "accuracy_of_network": float((scores.argmax(axis=1) == small.labels).mean()),
    }


def test_clustered_weights_have_at_most_the_requested_number_of_values(keras2, small_network):
    result = keras2(cluster, small_network)
    values = result["values"]
    assert max(values[name] for name in ("conv1", "conv3", "scores")) <= 6 < values["conv2"]
    assert result["shapes"] == result["shapes_before"] and result["best_epoch"] >= 1
    assert result["accuracy"] == pytest.approx(result["accuracy_of_network"])
