"""training_split.py: the layer below which quantization-aware training changes nothing."""

import pytest

from edgetl.core.network.description import Network, Node
from edgetl.core.network.training_split import count_trained_layers, find_split_layer

_KINDS = {"conv": "Conv2D", "depth": "DepthwiseConv2D", "dense": "Dense", "add": "Add"}
_KINDS |= {"pool": "AveragePooling2D", "relu": "Activation", "softmax": "Activation"}


def make_network(text: str) -> Network:
    """Make a network from words such as "add1=conv1+conv2"; a layer without inputs consumes the layer before it."""
    nodes = [Node(name="photo", kind="InputLayer", inputs=(), shape=(4, 4, 3))]
    for word in text.split():
        name, _, inputs = word.partition("=")
        kind = name.rstrip("0123456789")
        config = {"activation": kind} if _KINDS[kind] == "Activation" else {}
        sources = tuple(inputs.split("+")) if inputs else (nodes[-1].name,)
        nodes.append(Node(name=name, kind=_KINDS[kind], inputs=sources, shape=(4, 4, 3), config=config))
    return Network(tuple(nodes))


CHAIN = make_network("conv1 relu1 depth1 relu2 conv2 conv3 pool dense softmax")
# As in MobileNetV2: the output of conv1 is added to that of conv3, and so on.
RESIDUAL = make_network(
    "conv1 conv2 relu2 conv3 add1=conv1+conv3 conv4 relu4 conv5 add2=add1+conv5 conv6 relu6 pool dense softmax"
)
# As in NASNet: each cell consumes the outputs of the two before it.
CELLS = make_network(
    "conv1 conv2 add1=conv1+conv2 conv3=add1 add2=conv2+conv3 conv4=add2 add3=add1+conv4 dense softmax"
)


@pytest.mark.parametrize(
    ("network", "trained_layers", "expected"),
    [
        # Of five layers with weights. The activation of conv1 is fused with it, and has the range of both.
        (CHAIN, 0.8, "relu1"),
        (CHAIN, 0.6, "relu2"),
        (CHAIN, 0.4, "conv2"),
        # Not the average pooling, which has no range of its own.
        (CHAIN, 0.2, "conv3"),
        (CHAIN, 1.0, ""),
        # 0.5 of seven layers are four: conv4 is one of them.
        (RESIDUAL, 0.5, "add1"),
        # Not between conv4 and conv5, because add1 is used above them.
        (RESIDUAL, 0.4, "add1"),
        (RESIDUAL, 0.28, "add2"),
        # conv1 is used above conv2 and conv3.
        (RESIDUAL, 0.8, "conv1"),
        (CELLS, 0.2, "add3"),
        # Above conv1, each layer up to add3 has another beside it.
        (CELLS, 0.4, "conv1"),
    ],
)
def test_everything_above_the_split_is_computed_from_its_output(network, trained_layers, expected):
    assert find_split_layer(network, trained_layers) == expected


def test_layers_with_weights_are_counted_above_the_split():
    assert [count_trained_layers(RESIDUAL, split) for split in ("add1", "add2", "")] == [(4, 7), (2, 7), (7, 7)]


def test_one_layer_is_trained_however_small_the_fraction():
    assert count_trained_layers(RESIDUAL, find_split_layer(RESIDUAL, 0.001)) == (1, 7)
