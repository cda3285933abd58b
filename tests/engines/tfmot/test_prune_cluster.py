"""tfmot_slim.py: so many zeros, so few values, and nothing else touched."""

import pytest


def test_pruned_to_the_sparsity(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import prune_cluster as tfmot_slim
from edgetl.engines.tfmot.keras2_model import build_keras2
slim, fitted = tfmot_slim.prune_network(net, course(epochs=4, sparsity=0.75), watch)
scores = build_keras2(slim).model.predict_on_batch(photos)
result = {
    "zeros": {node.name: float((node.weights[0] == 0).mean()) for node in slim.nodes if node.weights},
    "epoch": fitted.best_epoch,
    "accuracy": [fitted.accuracy, float((scores.argmax(1) == labels).mean())],
    "norm": bool(all(np.array_equal(a, b) for a, b in zip(slim.node("bn1").weights, net.node("bn1").weights))),
}
"""
    )
    zeros = found["zeros"]
    assert {name: round(zeros[name], 2) for name in ("conv1", "conv3", "scores")} == {
        "conv1": 0.75,
        "conv3": 0.75,
        "scores": 0.75,
    }
    assert zeros["conv2"] == 0.0 and found["norm"]
    # Half of the epochs make zeros; none of them may win.
    assert found["epoch"] >= 2 and found["accuracy"][0] == pytest.approx(found["accuracy"][1])


def test_clustered_to_the_count(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import prune_cluster as tfmot_slim
from edgetl.engines.tfmot.keras2_model import build_keras2
slim, fitted = tfmot_slim.cluster_network(net, course(epochs=2, clusters=6), watch)
scores = build_keras2(slim).model.predict_on_batch(photos)
result = {
    "values": {node.name: len(np.unique(node.weights[0])) for node in slim.nodes if node.weights},
    "shapes": bool(all(
        [w.shape for w in a.weights] == [w.shape for w in b.weights] for a, b in zip(slim.nodes, net.nodes)
    )),
    "accuracy": [fitted.accuracy, float((scores.argmax(1) == labels).mean())],
    "epoch": fitted.best_epoch,
}
"""
    )
    values = found["values"]
    assert max(values[name] for name in ("conv1", "conv3", "scores")) <= 6 < values["conv2"]
    assert found["shapes"] and found["epoch"] >= 1
    assert found["accuracy"][0] == pytest.approx(found["accuracy"][1])
