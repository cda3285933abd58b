"""Pruning sets many weights to zero, clustering makes them share a few values. Child process only.

BatchNormalization stays in inference mode. Pruned and clustered are the weights of convolutions and dense layers.
Depthwise convolutions, which have few weights, are left as they are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from edgetl.core.network.description import AFFINE, Network, Node, Weights
from edgetl.core.progress import TrainingListener
from edgetl.engines.tfmot import fit
from edgetl.engines.tfmot.fit import FitHooks, FitResult, RetrainSetup
from edgetl.engines.tfmot.keras2_model import Keras2Model, build_keras2

# Index of the compressed weights among all weights of a layer. In a SeparableConv2D, 0 is the depthwise weights.
_WEIGHT_INDICES = {"Conv2D": 0, "Dense": 0, "SeparableConv2D": 1}
# Fraction of the training steps in which weights become zero. In the rest, accuracy recovers at the final sparsity.
_PRUNING_FRACTION = 0.5
# Number of times that the masks are updated.
_MASK_UPDATES = 20


def prune_network(network: Network, setup: RetrainSetup, listener: TrainingListener) -> tuple[Network, FitResult]:
    """Train while the smallest weights become zero, up to the recipe's sparsity, by a polynomial schedule.

    Returns:
        The network with its pruned weights, and the accuracies.

    Raises:
        StageError: training diverged.
    """
    recipe = setup.recipe.retrain
    last_step = max(1, int(recipe.get_epochs("prune") * setup.steps_per_epoch * _PRUNING_FRACTION))
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=recipe.sparsity,
        begin_step=0,
        end_step=last_step,
        frequency=max(1, last_step // _MASK_UPDATES),
    )

    def wrap_layer(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if node.kind not in _WEIGHT_INDICES:
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)

    keras2 = build_keras2(network, wrap_layer)
    wrappers = [keras2.layers[node.name] for node in network.nodes if node.kind in _WEIGHT_INDICES]
    for wrapper in wrappers:
        # A callback of tfmot does this in `Model.fit`. At the initial -1, the first training step fails.
        wrapper.pruning_step.assign(0)

    def apply_masks() -> None:
        """Set pruned weights to zero again, after the optimizer has changed them."""
        for wrapper in wrappers:
            for weight, mask, _ in wrapper.pruning_vars:
                weight.assign(weight * mask)

    # Before the last mask update, a network has less than the requested sparsity.
    first_epoch = last_step / setup.steps_per_epoch
    hooks = FitHooks(before_validation=apply_masks, is_eligible=lambda epoch: epoch > 0 and epoch >= first_epoch)
    fit_result = fit.fit_model(keras2.model, setup, listener, hooks, kind="prune")
    apply_masks()
    return network.replace_weights(_collect_weights(network, keras2, _read_pruned_weights)), fit_result


def cluster_network(network: Network, setup: RetrainSetup, listener: TrainingListener) -> tuple[Network, FitResult]:
    """Train with each layer's weights replaced by centroids, at most the recipe's number of clusters.

    Returns:
        The network with its clustered weights, and the accuracies.

    Raises:
        StageError: training diverged.
    """
    clusters = setup.recipe.retrain.clusters

    def wrap_layer(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        # A layer with at most so many distinct weights is clustered already.
        if node.kind not in _WEIGHT_INDICES or len(np.unique(node.weights[_WEIGHT_INDICES[node.kind]])) <= clusters:
            return layer
        return tfmot.clustering.keras.cluster_weights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
        )

    keras2 = build_keras2(network, wrap_layer)
    # Epoch 0 has the initial centroids, which no step has trained.
    hooks = FitHooks(is_eligible=lambda epoch: epoch > 0)
    fit_result = fit.fit_model(keras2.model, setup, listener, hooks, kind="cluster")
    return network.replace_weights(_collect_weights(network, keras2, _read_clustered_weights)), fit_result


def _collect_weights(
    network: Network, keras2: Keras2Model, read_wrapped: Callable[[Any], list[np.ndarray]]
) -> dict[str, Weights]:
    """Read the weights of every layer; `read_wrapped` reads those of a layer inside a wrapper of tfmot."""
    weights = {}
    for node in network.nodes[1:]:
        layer = keras2.layers[node.name]
        # The two weights of an affine node are constants of its Keras layer.
        if node.kind != AFFINE and node.weights:
            is_wrapped = isinstance(layer, tf_keras.layers.Wrapper)
            weights[node.name] = tuple(read_wrapped(layer) if is_wrapped else layer.get_weights())
    return weights


def _read_pruned_weights(wrapper: Any) -> list[np.ndarray]:
    # The wrapper's own list contains masks and thresholds as well.
    weights: list[np.ndarray] = wrapper.layer.get_weights()
    return weights


def _read_clustered_weights(wrapper: Any) -> list[np.ndarray]:
    """Read the weights of a layer in the order of Keras, with centroids in place of the unclustered weights.

    Source: strip_clustering in tensorflow_model_optimization/python/core/clustering/keras/cluster.py, for one layer.
    """
    wrapper.update_clustered_weights_associations()
    weights: list[np.ndarray] = wrapper.layer.get_weights()
    for position, name in wrapper.position_original_weights.items():
        weights.insert(position, np.asarray(wrapper.get_weight_from_layer(name)))
    return weights
