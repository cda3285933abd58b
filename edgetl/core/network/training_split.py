"""A folded network → the layer below which quantization-aware training changes nothing."""

import math

from edgetl.core.network.description import Network
from edgetl.core.network.folding import CONVOLUTIONS, list_calibrated_outputs


def find_split_layer(network: Network, trained_layers: float) -> str:
    """Find the layer whose output divides a folded network into a frozen part and a trained one above it.

    It is the highest layer from whose output alone the rest is computed, that has an activation range of its own, and
    above which there are enough layers with weights.

    Args:
        network: from `folding.fold_batch_norm`.
        trained_layers: least fraction of the layers with weights that are trained, 0..1; 1 trains all.

    Returns:
        The name of the layer; "" if there is none, so that all layers are trained.
    """
    positions = {node.name: position for position, node in enumerate(network.nodes)}
    weighted = [positions[node.name] for node in network.nodes if node.kind in CONVOLUTIONS]
    # The lowest layer that is trained in any case.
    first = weighted[-max(1, math.ceil(trained_layers * len(weighted)))]
    consumers = network.consumers()
    calibrated = {*list_calibrated_outputs(network)}
    # `furthest` is the position of the highest layer that consumes the output of a layer below the current one.
    split, furthest = "", 0
    for position, node in enumerate(network.nodes[:first]):
        if furthest <= position and node.name in calibrated and position >= weighted[0]:
            split = node.name
        furthest = max([furthest, *(positions[consumer.name] for consumer in consumers[node.name])])
    return split


def count_trained_layers(network: Network, split: str) -> tuple[int, int]:
    """Count the layers with weights above a layer, and all layers with weights; above "" are all."""
    names = [node.name for node in network.nodes]
    above = names[names.index(split) + 1 :] if split else names
    weighted = [node.name for node in network.nodes if node.kind in CONVOLUTIONS]
    return len({*above} & {*weighted}), len(weighted)
