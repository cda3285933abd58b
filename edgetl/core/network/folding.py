"""Batch normalization folding, and which tensors of the folded network have an activation range of their own.

A `Network` is turned into an equal one of convolutions, dense layers, sums, products, activations and layers that only
move values: the operators of an integer runtime. BatchNormalization is used with its inference statistics. It is folded
into the convolution before it; without one (DenseNet, NASNet, ResNet V2) it becomes a depthwise 1x1 convolution, which
computes the same. Rescaling inside a network and the scale of a CustomScaleLayer are folded likewise.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.network.description import AFFINE, Network, Node, Weights

CONVOLUTIONS = {"Conv2D", "DepthwiseConv2D", "Dense"}
# Layers that move or select values: the range of their output is that of their input.
PASSTHROUGH_LAYERS = {
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
# TFLite fuses these activations into the operators before them.
_FUSED_ACTIVATIONS = {"relu", "relu6"}
_FUSING_LAYERS = CONVOLUTIONS | {"Add", "Multiply"}
# TFLite's kernels fix the output range of these activations: 0..255/256 with a scale of 1/256.
# Source: the TFLite 8-bit quantization specification, LOGISTIC and SOFTMAX.
_FIXED_RANGE_ACTIVATIONS = {"softmax", "sigmoid"}
SIGMOID_RANGE = (0.0, 255 / 256)


def fold_batch_norm(network: Network) -> Network:
    """Remove BatchNormalization, SeparableConv2D, CustomScaleLayer, silu, and activations inside other layers.

    Raises:
        StageError: names a layer that cannot be folded.
    """
    layers = (part for node in network.nodes for part in _split_layer(node))
    folded = _fold_affine_layers(Network(tuple(layers)))
    return Network(tuple(_convert_to_convolution(node) if node.kind == AFFINE else node for node in folded))


def list_calibrated_outputs(network: Network) -> tuple[str, ...]:
    """List the layers of a folded network whose output has an activation range of its own.

    All others inherit a range: layers that only move values, layers with a fused activation (the range is that of the
    activation), layers whose only consumer is a concatenation (which has one range for all its inputs), and activations
    whose range the runtime fixes.
    """
    consumers = network.consumers()

    def has_range_of_consumer(node: Node) -> bool:
        if len(consumers[node.name]) != 1:
            return False
        consumer = consumers[node.name][0]
        if node.kind in _FUSING_LAYERS and _is_fused_activation(consumer):
            return True
        return consumer.kind == "Concatenate" and node.kind in {*CONVOLUTIONS, "ReLU", "Activation", "Multiply"}

    return tuple(
        node.name
        for node in network.nodes
        if node.kind not in PASSTHROUGH_LAYERS
        and node.activation not in _FIXED_RANGE_ACTIVATIONS
        and not has_range_of_consumer(node)
    )


def list_fixed_outputs(network: Network) -> tuple[str, ...]:
    """List the layers of a folded network whose output has `SIGMOID_RANGE`; the last layer is left out."""
    return tuple(node.name for node in network.nodes[:-1] if node.activation in _FIXED_RANGE_ACTIVATIONS)


def map_inherited_ranges(network: Network) -> dict[str, str]:
    """Map each average pooling to the layer whose range it inherits; its output is rounded to the same steps.

    An average pooling of the scaled photo is left out: its range is no layer's.
    """
    with_range = {*list_calibrated_outputs(network), *list_fixed_outputs(network)}
    sources: dict[str, str] = {}
    for node in network.nodes[1:]:
        sources[node.name] = node.name if node.name in with_range else sources.get(node.inputs[0], "")
    pooled = (node.name for node in network.nodes if node.kind == "AveragePooling2D")
    return {name: sources[name] for name in pooled if sources[name]}


def _is_fused_activation(node: Node) -> bool:
    if node.kind == "Activation":
        return node.activation in _FUSED_ACTIVATIONS
    rectifier = node.kind == "ReLU" and not node.config.get("negative_slope") and not node.config.get("threshold")
    return rectifier and node.config.get("max_value") in (None, 6)


def _split_layer(node: Node) -> list[Node]:
    """Split a layer into simple ones: a separable convolution into two, and an activation from its layer."""
    layers = _split_separable(node) if node.kind == "SeparableConv2D" else [node]
    if node.kind not in ("Activation", "ReLU") and node.activation != "linear":
        # The activation gets the name, because other layers consume its output.
        linear = replace(layers[-1], name=f"{node.name}/linear").replace_config(activation="linear")
        activation = Node(
            name=node.name,
            kind="Activation",
            inputs=(linear.name,),
            shape=node.shape,
            config={"activation": node.activation},
        )
        layers = [*layers[:-1], linear, activation]
    if layers[-1].kind == "Activation" and layers[-1].activation == "silu":
        layers = [*layers[:-1], *_split_silu(layers[-1])]
    return layers


def _split_silu(silu: Node) -> list[Node]:
    """Split x * sigmoid(x) as integer runtimes do: the sigmoid is rounded before the multiplication."""
    sigmoid = replace(silu, name=f"{silu.name}/sigmoid").replace_config(activation="sigmoid")
    product = Node(name=silu.name, kind="Multiply", inputs=(silu.inputs[0], sigmoid.name), shape=silu.shape)
    return [sigmoid, product]


def _split_separable(node: Node) -> list[Node]:
    """Split a separable convolution into a depthwise and a 1x1 convolution."""
    config = node.config
    depthwise, pointwise, *bias = node.weights
    first = Node(
        name=f"{node.name}/depthwise",
        kind="DepthwiseConv2D",
        inputs=node.inputs,
        # The strides are those of the depthwise step: rows and columns are the same behind both.
        shape=(*node.shape[:2], int(pointwise.shape[2])),
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


def _fold_affine_layers(network: Network) -> tuple[Node, ...]:
    """Fold every affine layer into the convolution or affine layer before it, or else into the dense layer behind it.

    One pass in topological order is enough. Folding changes neither the number of consumers of an earlier layer nor its
    kind, so a layer that could not be folded when it was reached cannot be folded later.
    """
    consumers = network.consumers()
    # Dense layers that an affine layer before them has been folded into.
    replaced: dict[str, Node] = {}
    folded: dict[str, Node] = {}
    for original in network.nodes:
        for node in _express_as_affine(replaced.get(original.name, original)):
            layer = node
            if layer.kind == AFFINE:
                before = folded[layer.inputs[0]]
                if before.kind in CONVOLUTIONS | {AFFINE} and len(consumers[before.name]) == 1:
                    del folded[before.name]
                    layer = _join(before, layer, _scale_output(before, *layer.weights))
            if layer.kind == AFFINE and len(layer.shape) == 1:
                behind = consumers.get(layer.name, [])
                if len(behind) == 1 and behind[0].kind == "Dense":
                    dense = behind[0]
                    replaced[dense.name] = _join(layer, dense, _absorb_input_scale(dense, layer))
                    continue
            folded[layer.name] = layer
    return tuple(folded.values())


def _express_as_affine(node: Node) -> Iterator[Node]:
    """Yield BatchNormalization as an affine layer, CustomScaleLayer as one and a sum, and all others as they are."""
    if node.kind == "BatchNormalization":
        yield _convert_batch_norm(node)
    elif node.kind == "CustomScaleLayer":
        yield from _split_scaled_sum(node)
    else:
        yield node


def _join(first: Node, second: Node, joined: Node) -> Node:
    """Let a layer replace `first` and its consumer `second`: inputs of the former, name and shape of the latter."""
    return replace(joined, name=second.name, inputs=first.inputs, shape=second.shape)


def _convert_batch_norm(norm: Node) -> Node:
    """Convert BatchNormalization with inference statistics to an affine layer."""
    weights = list(norm.weights)
    gamma = weights.pop(0) if norm.config.get("scale", True) else np.ones_like(weights[-1])
    beta = weights.pop(0) if norm.config.get("center", True) else np.zeros_like(weights[-1])
    mean, variance = weights
    # In float64: the quotient is rounded to float32 once, at the end.
    scale = (gamma / np.sqrt(variance.astype(np.float64) + norm.config["epsilon"])).astype(np.float64)
    offset = beta - mean * scale
    affine = (scale.astype(np.float32), offset.astype(np.float32))
    return Node(name=norm.name, kind=AFFINE, inputs=norm.inputs, shape=norm.shape, weights=affine)


def _split_scaled_sum(node: Node) -> tuple[Node, Node]:
    """Split a + scale * b into an affine layer that scales b, and a sum."""
    unscaled, scaled = node.inputs
    weights = (np.array(node.config["scale"], np.float32), np.zeros((), np.float32))
    affine = Node(name=f"{node.name}/scaled", kind=AFFINE, inputs=(scaled,), shape=node.shape, weights=weights)
    return affine, Node(name=node.name, kind="Add", inputs=(unscaled, affine.name), shape=node.shape)


def _scale_output(node: Node, scale: NDArray[np.float32], offset: NDArray[np.float32]) -> Node:
    """Fold scale and offset of its output into the weights of a convolution, dense or affine layer."""
    weights, *optional_bias = node.weights
    channels = node.shape[-1]
    scale, offset = np.broadcast_to(scale, channels), np.broadcast_to(offset, channels)
    bias = optional_bias[0] if optional_bias else np.zeros(channels, np.float32)
    # The output channels of depthwise weights are the last two axes.
    by_channel = scale.reshape(weights.shape[-2:]) if node.kind == "DepthwiseConv2D" else scale
    scaled: Weights = (weights * by_channel, (bias * scale + offset).astype(np.float32))
    layer = replace(node, weights=scaled)
    return layer if node.kind == AFFINE else layer.replace_config(use_bias=True)


def _absorb_input_scale(dense: Node, affine: Node) -> Node:
    """Fold an affine layer before a dense layer into its weights."""
    scale, offset = (np.broadcast_to(values, affine.shape[-1:]) for values in affine.weights)
    weights, *optional_bias = dense.weights
    bias = optional_bias[0] if optional_bias else np.zeros(dense.shape[-1], np.float32)
    return replace(dense, weights=(weights * scale[:, None], bias + offset @ weights)).replace_config(use_bias=True)


def _convert_to_convolution(node: Node) -> Node:
    """Convert an affine layer to a depthwise 1x1 convolution."""
    if len(node.shape) != 3:
        raise StageError(
            f"layer {node.name!r} cannot be quantized: it scales a tensor of {len(node.shape) + 1} axes, and there is "
            "no convolution or dense layer beside it to fold the scale into",
            hint="choose --method int8, which quantizes after training",
        )
    scale, offset = (np.broadcast_to(values, node.shape[-1:]).astype(np.float32) for values in node.weights)
    return replace(
        node,
        kind="DepthwiseConv2D",
        config={"kernel_size": (1, 1), "use_bias": True},
        weights=(scale.reshape(1, 1, -1, 1), offset),
    )
