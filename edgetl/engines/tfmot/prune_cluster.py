"""Fewer different numbers: weights that are zero (prune) or share a few values (cluster). Child processes only.

BatchNormalization stays as it is, at inference. What is pruned and clustered are the kernels that tfmot knows: those of
convolutions and dense layers, not the small depthwise ones.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from edgetl.core.network.description import AFFINE, Network, Node, Weights
from edgetl.core.progress import TrainingListener
from edgetl.engines.tfmot import fit as tfmot_fit
from edgetl.engines.tfmot.fit import FitHooks, FitResult, RetrainSetup
from edgetl.engines.tfmot.keras2_model import Keras2Model, build_keras2

# Which of a layer's weights is slimmed, in Keras's order.
_SLIMMED = {"Conv2D": 0, "Dense": 0, "SeparableConv2D": 1}
# The part of all steps after which no more weights become zero; the rest heals.
_PRUNED_AFTER = 0.5


def prune_network(network: Network, course: RetrainSetup, watch: TrainingListener) -> tuple[Network, FitResult]:
    """The network with `sparsity` of its large kernels zero, along a polynomial schedule."""
    last = max(1, int(course.recipe.retrain.epochs_of("prune") * course.steps * _PRUNED_AFTER))
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=course.recipe.retrain.sparsity,
        begin_step=0,
        end_step=last,
        frequency=max(1, last // 20),
    )

    def wrapped(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if node.kind not in _SLIMMED:
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)

    made = build_keras2(network, wrapped)
    wrappers = [made.layers[node.name] for node in network.nodes if node.kind in _SLIMMED]
    for wrapper in wrappers:
        # tfmot refuses to train where nobody has said that the steps begin.
        wrapper.pruning_step.assign(0)

    def settle() -> None:
        """Make zero what the last step has moved."""
        for wrapper in wrappers:
            for weight, mask, _ in wrapper.pruning_vars:
                weight.assign(weight * mask)

    enough = last / course.steps
    hooks = FitHooks(settle=settle, counts=lambda epoch: epoch > 0 and epoch >= enough)
    fitted = tfmot_fit.fit_model(made.model, course, watch, hooks, what="prune")
    settle()
    return network.replace_weights(_read_back(network, made, _pruned_weights)), fitted


def cluster_network(network: Network, course: RetrainSetup, watch: TrainingListener) -> tuple[Network, FitResult]:
    """The network with at most `clusters` different values in each of its large kernels."""
    count = course.recipe.retrain.clusters

    def wrapped(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if node.kind not in _SLIMMED or len(np.unique(node.weights[_SLIMMED[node.kind]])) <= count:
            return layer
        return tfmot.clustering.keras.cluster_weights(
            layer,
            number_of_clusters=count,
            cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
        )

    made = build_keras2(network, wrapped)
    fitted = tfmot_fit.fit_model(made.model, course, watch, FitHooks(counts=lambda epoch: epoch > 0), what="cluster")
    return network.replace_weights(_read_back(network, made, _clustered_weights)), fitted


def _read_back(network: Network, made: Keras2Model, inner: Callable[[Any], list[np.ndarray]]) -> dict[str, Weights]:
    """Every layer's weights, from under its wrapper where it has one."""
    found = {}
    for node in network.nodes[1:]:
        layer = made.layers[node.name]
        if node.kind != AFFINE and node.weights:
            found[node.name] = tuple(
                inner(layer) if isinstance(layer, tf_keras.layers.Wrapper) else layer.get_weights()
            )
    return found


def _pruned_weights(wrapper: Any) -> list[np.ndarray]:
    return wrapper.layer.get_weights()


def _clustered_weights(wrapper: Any) -> list[np.ndarray]:
    """The layer's weights, its kernel written from the centroids. Source: tfmot's strip_clustering, of a model."""
    wrapper.update_clustered_weights_associations()
    weights = wrapper.layer.get_weights()
    for position, name in wrapper.position_original_weights.items():
        weights.insert(position, np.asarray(wrapper.get_weight_from_layer(name)))
    return weights
