"""A network as an integer runtime sees it: every BatchNormalization folded away, and where a tensor gets its range.

In: a `Network`. Out: an equal one of convolutions, dense layers, sums, products, activations and what only moves
numbers. BatchNormalization takes its inference statistics for good: it is folded into the convolution before it, and
one with none before it (DenseNet, NASNet, ResNet V2) becomes a depthwise convolution of 1x1, which is what it computes.
So does a Rescaling within a network, and the scale of a CustomScaleLayer goes into the convolution that it scales.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.network.description import AFFINE, Network, Node, Weights

CONVOLUTIONS = {"Conv2D", "DepthwiseConv2D", "Dense"}
# They hand numbers on as they are: what comes out has the range of what went in.
MOVERS = {
    "InputLayer",
    "Dropout",
    "Reshape",
    "Flatten",
    "ZeroPadding2D",
    "Cropping2D",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalMaxPooling2D",
}
# TFLite runs these as a part of the operator before them.
_RECTIFIERS = {"relu", "relu6"}
_TAKES_A_RECTIFIER = CONVOLUTIONS | {"Add", "Multiply"}
# TFLite's kernels fix the range of what these answer: 0..1 in steps of 1/256.
# Source: the TFLite 8-bit quantization specification, LOGISTIC and SOFTMAX.
_FIXED = {"softmax", "sigmoid"}
SIGMOID_RANGE = (0.0, 255 / 256)


def fold_batch_norm(network: Network) -> Network:
    """The network without BatchNormalization, SeparableConv2D, CustomScaleLayer, silu and activations inside others.

    Raises:
        StageError: names a layer for which there is no way.
    """
    whole = Network(tuple(part for node in network.nodes for part in _parts(node)))
    while (smaller := _folded_once(whole)) is not None:
        whole = smaller
    return Network(tuple(_as_convolution(node) if node.kind == AFFINE else node for node in whole.nodes))


def list_calibrated_outputs(network: Network) -> tuple[str, ...]:
    """The layers of a folded network whose output has a range of its own.

    Left out are those that only move numbers, those that end in a rectifier which runs as part of them, those that
    feed a concatenation alone (it has one range for all it joins), and those whose range the runtime fixes.
    """
    eaters = network.consumers()

    def joined(node: Node) -> bool:
        only = eaters[node.name][0] if len(eaters[node.name]) == 1 else None
        if only is None:
            return False
        if node.kind in _TAKES_A_RECTIFIER and _rectifies(only):
            return True
        return only.kind == "Concatenate" and node.kind in {*CONVOLUTIONS, "ReLU", "Activation", "Multiply"}

    return tuple(
        node.name
        for node in network.nodes
        if node.kind not in MOVERS and node.activation not in _FIXED and not joined(node)
    )


def list_fixed_outputs(network: Network) -> tuple[str, ...]:
    """The layers within a folded network whose output has `FIXED_RANGE`; the last layer's is nobody's input."""
    return tuple(node.name for node in network.nodes[:-1] if node.activation in _FIXED)


def map_inherited_ranges(network: Network) -> dict[str, str]:
    """Average pooling rounds to the steps of what it eats: its name → that of the layer whose range those come from.

    Left out is one that pools the scaled photo itself, whose range is no layer's.
    """
    own = {*list_calibrated_outputs(network), *list_fixed_outputs(network)}
    steps: dict[str, str] = {}
    for node in network.nodes[1:]:
        steps[node.name] = node.name if node.name in own else steps.get(node.inputs[0], "")
    pooled = (node.name for node in network.nodes if node.kind == "AveragePooling2D")
    return {name: steps[name] for name in pooled if steps[name]}


def _rectifies(node: Node) -> bool:
    plain = not node.config.get("negative_slope") and not node.config.get("threshold")
    limit = node.config.get("max_value")
    return (node.kind == "ReLU" and plain and limit in (None, 6)) or (
        node.kind == "Activation" and node.activation in _RECTIFIERS
    )


def _parts(node: Node) -> list[Node]:
    """The layer taken apart: a separable convolution is two, an activation is a layer of its own."""
    pieces = [node]
    if node.kind == "SeparableConv2D":
        pieces = _separated(node)
    if node.kind not in ("Activation", "ReLU") and node.activation != "linear":
        # The activation keeps the name: others eat it.
        bare = replace(pieces[-1], name=f"{node.name}/linear").changed(activation="linear")
        acting = Node(
            name=node.name,
            kind="Activation",
            inputs=(bare.name,),
            shape=node.shape,
            config={"activation": node.activation},
        )
        pieces = [*pieces[:-1], bare, acting]
    if pieces[-1].kind == "Activation" and pieces[-1].activation == "silu":
        pieces = [*pieces[:-1], *_gated(pieces[-1])]
    return pieces


def _gated(silu: Node) -> list[Node]:
    """x * sigmoid(x) as integer runtimes compute it: the sigmoid is rounded before it is multiplied."""
    sigmoid = replace(silu, name=f"{silu.name}/sigmoid").changed(activation="sigmoid")
    product = Node(name=silu.name, kind="Multiply", inputs=(silu.inputs[0], sigmoid.name), shape=silu.shape)
    return [sigmoid, product]


def _separated(node: Node) -> list[Node]:
    config = node.config
    depthwise, pointwise, *bias = node.weights
    rows, columns = (
        -(-length // stride) if config["padding"] == "same" else 0
        for length, stride in zip(node.shape[:2], config["strides"], strict=True)
    )
    first = Node(
        name=f"{node.name}/depthwise",
        kind="DepthwiseConv2D",
        inputs=node.inputs,
        shape=(rows, columns, int(pointwise.shape[2])),
        config={
            **{key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")},
            "use_bias": False,
        },
        weights=(depthwise,),
    )
    second = Node(
        name=node.name,
        kind="Conv2D",
        inputs=(first.name,),
        shape=node.shape,
        config={
            "filters": config["filters"],
            "kernel_size": (1, 1),
            "use_bias": bool(bias),
            "activation": node.activation,
        },
        weights=(pointwise, *bias),
    )
    return [first, second]


def _folded_once(network: Network) -> Network | None:
    """The network with one layer less, or None where nothing is left to fold."""
    eaters = network.consumers()
    by_name = {node.name: node for node in network.nodes}
    for node in network.nodes:
        if node.kind == "CustomScaleLayer":
            return _sum(network, node)
        if node.kind == "BatchNormalization":
            return _swapped(network, node, _affine(node))
        if node.kind != AFFINE:
            continue
        before = by_name[node.inputs[0]]
        if before.kind in CONVOLUTIONS | {AFFINE} and len(eaters[before.name]) == 1:
            return _merged(network, before, node, _scaled(before, *node.weights))
        after = eaters[node.name]
        if len(node.shape) == 1 and len(after) == 1 and after[0].kind == "Dense":
            return _merged(network, node, after[0], _taking_over(after[0], node))
    return None


def _swapped(network: Network, old: Node, *new: Node) -> Network:
    return Network(tuple(part for node in network.nodes for part in (new if node is old else (node,))))


def _merged(network: Network, first: Node, second: Node, merged: Node) -> Network:
    """`first` and `second`, which eats it, as one layer that stands where the second stood."""
    made = replace(merged, name=second.name, inputs=first.inputs, shape=second.shape)
    kept = tuple(node for node in network.nodes if node is not first)
    return _swapped(Network(kept), second, made)


def _affine(norm: Node) -> Node:
    """A BatchNormalization at inference: multiply and add."""
    own = list(norm.weights)
    gamma = own.pop(0) if norm.config.get("scale", True) else np.ones_like(own[-1])
    beta = own.pop(0) if norm.config.get("center", True) else np.zeros_like(own[-1])
    mean, variance = own
    scale = (gamma / np.sqrt(variance.astype(np.float64) + norm.config["epsilon"])).astype(np.float64)
    offset = beta - mean * scale
    weights = (scale.astype(np.float32), offset.astype(np.float32))
    return Node(name=norm.name, kind=AFFINE, inputs=norm.inputs, shape=norm.shape, weights=weights)


def _sum(network: Network, node: Node) -> Network:
    """a + scale * b as a layer that scales b, and a sum."""
    plain, scaled = node.inputs
    weights = (np.array(node.config["scale"], np.float32), np.zeros((), np.float32))
    scaling = Node(name=f"{node.name}/scaled", kind=AFFINE, inputs=(scaled,), shape=node.shape, weights=weights)
    adding = Node(name=node.name, kind="Add", inputs=(plain, scaling.name), shape=node.shape)
    return _swapped(network, node, scaling, adding)


def _scaled(node: Node, scale: NDArray[np.float32], offset: NDArray[np.float32]) -> Node:
    """A layer whose output is multiplied and added to, as one layer of its kind."""
    kernel, *rest = node.weights
    channels = node.shape[-1]
    scale, offset = np.broadcast_to(scale, channels), np.broadcast_to(offset, channels)
    bias = rest[0] if rest else np.zeros(channels, np.float32)
    # A depthwise kernel has its channels in the last two axes.
    by_channel = scale.reshape(kernel.shape[-2:]) if node.kind == "DepthwiseConv2D" else scale
    weights: Weights = (kernel * by_channel, (bias * scale + offset).astype(np.float32))
    return (
        replace(node, weights=weights).changed(use_bias=True) if node.kind != AFFINE else replace(node, weights=weights)
    )


def _taking_over(dense: Node, affine: Node) -> Node:
    """A dense layer whose input is multiplied and added to, as one dense layer."""
    scale, offset = (np.broadcast_to(own, affine.shape[-1:]) for own in affine.weights)
    kernel, *rest = dense.weights
    bias = rest[0] if rest else np.zeros(dense.shape[-1], np.float32)
    return replace(dense, weights=(kernel * scale[:, None], bias + offset @ kernel)).changed(use_bias=True)


def _as_convolution(node: Node) -> Node:
    """Multiply and add, channel by channel: a depthwise convolution of 1x1."""
    if len(node.shape) != 3:
        raise StageError(
            f"layer {node.name!r} cannot be quantized: it scales a tensor of {len(node.shape) + 1} axes and no "
            "convolution or dense layer stands beside it",
            hint="choose --method int8, which quantizes after training",
        )
    scale, offset = (np.broadcast_to(own, node.shape[-1:]).astype(np.float32) for own in node.weights)
    return replace(
        node,
        kind="DepthwiseConv2D",
        config={"kernel_size": (1, 1), "use_bias": True},
        weights=(scale.reshape(1, 1, -1, 1), offset),
    )
