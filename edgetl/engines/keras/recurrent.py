"""Recurrent layers of a model → the same layers without a loop, for converters that cannot convert or quantize one.

TFLite's calibrator crashes in the subgraphs of a loop, and tf2onnx makes a Loop operator with a graph of its own. So a
layer of a few steps is unrolled: its operators appear once for each step, and share their weights.
"""

import keras

# Each step adds about fifteen operators for each layer. A feature map of 7 x 7 pixels has 49 positions.
MOST_STEPS = 64


def unroll_recurrent_layers(model: keras.Model) -> None:
    """Unroll the recurrent layers of a model that have at most 64 steps. The model predicts the same.

    Args:
        model: is changed.
    """
    for layer in _list_layers_to_unroll(model):
        layer.unroll = True


def can_unroll(model: keras.Model) -> bool:
    """Return whether `unroll_recurrent_layers` would change a model."""
    return bool(_list_layers_to_unroll(model))


def _list_layers_to_unroll(model: keras.Model) -> list[keras.layers.RNN]:
    to_unroll = []
    for layer in model._flatten_layers(include_self=False):
        inner = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer")]
        layers = [part for part in (layer, *inner) if isinstance(part, keras.layers.RNN)]
        if layers and 0 < _count_steps(layer) <= MOST_STEPS:
            to_unroll += layers
    return to_unroll


def _count_steps(layer: keras.layers.Layer) -> int:
    """Return the number of steps of a recurrent layer, or of one that wraps it; 0 if it is open or unknown."""
    # The layers inside a wrapper have no input of their own: only that of the wrapper is known.
    nodes = layer._inbound_nodes
    lengths = {node.input_tensors[0].shape[1] for node in nodes if node.input_tensors}
    return 0 if not lengths or None in lengths else max(lengths)
