"""Models that reverse the channels of RGB photos, as preprocess_input(mode="caffe") does: fold it into the weights.

The reversal right after the input is left out. The constants after it are reversed, and the input channels of the first
convolution. Devices then compute nothing for it, and the scaling is found in the first layers.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from edgetl.core.network.keras2_names import IDENTITIES, RENAMED_FUNCTIONS
from edgetl.engines.keras2_graph import SavedCall, SavedGraph, SavedLayer, decode_argument, list_tensors

_CHANNELS = 3
# Layers and functions that treat all channels alike, or have one constant for each.
_EQUAL = IDENTITIES | {"CenterCrop", "Cropping2D", "RandomCrop", "ReLU", "Resizing", "ZeroPadding2D"}
_WITH_CONSTANTS = {"Normalization": ("mean", "variance"), "Rescaling": ("scale", "offset")}
_ARITHMETIC = {
    "__operators__.add",
    "math.add",
    "math.divide",
    "math.multiply",
    "math.subtract",
    "math.truediv",
    "nn.bias_add",
}


def fold_reversed_channels(graph: SavedGraph) -> SavedGraph:
    """Fold a reversal of the channels at the input into the first convolution; return any other graph as it is."""
    if len(graph.inputs) != 1:
        return graph
    chain = list(_iterate_chain(graph))
    start = next((index for index, number in enumerate(chain) if _is_reversal(graph, graph.calls[number])), None)
    if start is None:
        return graph
    reversal, following = chain[start], chain[start + 1 :]
    layers, calls = list(graph.layers), list(graph.calls)
    # Layers before the reversal stay as they are.
    for number in following:
        call = calls[number]
        layer = layers[call.layer]
        reversed_layer, reversed_call = _reverse(layer, call, graph)
        if reversed_layer is None or sum(other.layer == call.layer for other in calls) > 1:
            return graph
        layers[call.layer], calls[number] = reversed_layer, reversed_call
        if layer.class_name == "Conv2D":
            return replace(graph, layers=tuple(layers), calls=tuple(_leave_out(calls, reversal)))
    return graph


def _iterate_chain(graph: SavedGraph) -> Iterator[int]:
    """Yield the indices of the calls after the input, as long as each output has one consumer."""
    tensor = graph.inputs[0].tensor
    while True:
        consumers = [
            index for index, call in enumerate(graph.calls) if tensor in list_tensors([call.args, call.kwargs])
        ]
        if len(consumers) != 1 or len(graph.calls[consumers[0]].outputs) != 1 or tensor in graph.outputs:
            return
        yield consumers[0]
        tensor = graph.calls[consumers[0]].outputs[0]


def _is_reversal(graph: SavedGraph, call: SavedCall) -> bool:
    function = _read_function(graph.layers[call.layer])
    arguments = {name: decode_argument(value, str, graph.arrays) for name, value in call.kwargs.items()}
    if function == "reverse":
        return bool(arguments.get("axis") in (-1, [-1], (-1,)))
    if function != "__operators__.getitem":
        return False
    spec = arguments.get("slice_spec")
    spec = tuple(spec) if isinstance(spec, list | tuple) else (spec,)
    everything, backwards = slice(None), slice(None, None, -1)
    return spec in ((Ellipsis, backwards), (everything, everything, everything, backwards))


def _read_function(layer: SavedLayer) -> str:
    function = str(layer.config.get("function", ""))
    return RENAMED_FUNCTIONS.get(function, function)


def _reverse(layer: SavedLayer, call: SavedCall, graph: SavedGraph) -> tuple[SavedLayer | None, SavedCall]:
    """Return a layer and its call for reversed channels, or None if the layer cannot be reversed."""
    if layer.class_name in _EQUAL:
        return layer, call
    if layer.class_name in _WITH_CONSTANTS:
        names = _WITH_CONSTANTS[layer.class_name]
        config = {name: _flip(value) if name in names else value for name, value in layer.config.items()}
        return replace(layer, config=config), call
    if layer.class_name == "Conv2D" and layer.config.get("groups", 1) == 1 and layer.weights[0].shape[2] == _CHANNELS:
        kernel, *others = layer.weights
        return replace(layer, weights=(kernel[:, :, ::-1].copy(), *others)), call
    if _read_function(layer) in _ARITHMETIC:
        constants = {name: value for name, value in call.kwargs.items() if not list_tensors(value)}
        decoded = {name: decode_argument(value, str, graph.arrays) for name, value in constants.items()}
        flipped = {name: _flip_constant(value) for name, value in decoded.items()}
        return layer, replace(call, kwargs={**call.kwargs, **flipped})
    return None, call


def _flip(value: Any) -> Any:
    """Reverse the last axis of nested lists if it has one entry for each channel."""
    return np.flip(value, axis=-1).tolist() if np.ndim(value) and np.shape(value)[-1] == _CHANNELS else value


def _flip_constant(value: Any) -> Any:
    """Reverse a constant that is an argument of a function; other arguments are None or words."""
    return value if value is None or isinstance(value, str) else _flip(np.asarray(value).tolist())


def _leave_out(calls: list[SavedCall], index: int) -> Iterator[SavedCall]:
    """Yield all calls but one; those that consume its output consume its input."""
    skipped = calls[index]
    (source,) = list_tensors([skipped.args, skipped.kwargs])
    (target,) = skipped.outputs

    def rename(value: Any) -> Any:
        if value == {"tensor": target}:
            return {"tensor": source}
        if isinstance(value, dict):
            return {key: rename(entry) for key, entry in value.items()}
        return [rename(entry) for entry in value] if isinstance(value, list) else value

    for number, call in enumerate(calls):
        if number != index:
            yield replace(call, args=rename(call.args), kwargs=rename(call.kwargs))
