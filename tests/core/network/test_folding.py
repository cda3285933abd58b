"""folding.py: BatchNormalization disappears and the answer stays; every tensor that needs a range has one."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.network import folding
from edgetl.core.network.description import AFFINE, Network, Node

RNG = np.random.default_rng(3)
PHOTO = RNG.normal(size=(6, 6, 3)).astype(np.float32)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def first(shape=(6, 6, 3)):
    return Node(name="photo", kind="InputLayer", inputs=(), shape=shape)


def conv(name, eats, filters=4, incoming=3, **config):
    weights = (numbers(1, 1, incoming, filters), *((numbers(filters),) if config.get("use_bias") else ()))
    return Node(
        name=name,
        kind="Conv2D",
        inputs=(eats,),
        shape=(6, 6, filters),
        config={"filters": filters, "kernel_size": (1, 1), "use_bias": False, **config},
        weights=weights,
    )


def norm(name, eats, shape=(6, 6, 4), **config):
    count = 4 - (not config.get("scale", True)) - (not config.get("center", True))
    weights = [numbers(shape[-1]) for _ in range(count)]
    weights[-1] = np.abs(weights[-1]) + 0.1
    config = {"epsilon": 1e-3, "scale": True, "center": True, **config}
    kind = "BatchNormalization"
    return Node(name=name, kind=kind, inputs=(eats,), shape=shape, config=config, weights=tuple(weights))


def affine(name, eats, scale, offset, shape=(6, 6, 4)):
    weights = (np.asarray(scale, np.float32), np.asarray(offset, np.float32))
    return Node(name=name, kind=AFFINE, inputs=(eats,), shape=shape, weights=weights)


def act(name, eats, how="relu", shape=(6, 6, 4)):
    return Node(name=name, kind="Activation", inputs=(eats,), shape=shape, config={"activation": how})


def plain(name, kind, *eats, shape=(6, 6, 4), **config):
    return Node(name=name, kind=kind, inputs=eats, shape=shape, config=config)


def compute(network: Network) -> np.ndarray:
    """The network in a few lines of numpy, 1x1 convolutions only."""
    tensors = {}
    for node in network.nodes:
        eaten = [tensors[name] for name in node.inputs]
        if node.kind == "InputLayer":
            out = PHOTO.astype(np.float64) if len(node.shape) == 3 else PHOTO[0, 0].astype(np.float64)
        elif node.kind in ("Conv2D", "Dense"):
            kernel = node.weights[0].reshape(node.weights[0].shape[-2:])
            out = eaten[0] @ kernel + (node.weights[1] if node.config["use_bias"] else 0)
        elif node.kind == "DepthwiseConv2D":
            kernel = node.weights[0][0, 0]
            out = (eaten[0][..., None] * kernel).reshape(*eaten[0].shape[:-1], -1)
            out = out + (node.weights[1] if node.config["use_bias"] else 0)
        elif node.kind == "SeparableConv2D":
            out = (eaten[0][..., None] * node.weights[0][0, 0]).reshape(*eaten[0].shape[:-1], -1) @ node.weights[1][
                0, 0
            ]
        elif node.kind == "BatchNormalization":
            own = list(node.weights)
            gamma = own.pop(0) if node.config["scale"] else 1
            beta = own.pop(0) if node.config["center"] else 0
            out = gamma * (eaten[0] - own[0]) / np.sqrt(own[1] + node.config["epsilon"]) + beta
        elif node.kind == AFFINE:
            out = eaten[0] * node.weights[0] + node.weights[1]
        elif node.kind == "Add":
            out = eaten[0] + eaten[1]
        elif node.kind == "CustomScaleLayer":
            out = eaten[0] + eaten[1] * node.config["scale"]
        elif node.kind == "Activation":
            out = eaten[0]
        else:
            raise AssertionError(node.kind)
        tensors[node.name] = np.maximum(out, 0) if node.activation == "relu" else out
    return tensors[network.nodes[-1].name]


NETWORKS = {
    "after a convolution": [first(), conv("c", "photo"), norm("n", "c"), act("a", "n")],
    "with a bias": [first(), conv("c", "photo", use_bias=True), norm("n", "c")],
    "without scale": [first(), conv("c", "photo"), norm("n", "c", scale=False)],
    "without center": [first(), conv("c", "photo"), norm("n", "c", center=False)],
    "alone before a rectifier": [
        first(),
        norm("n", "photo", (6, 6, 3)),
        act("a", "n", shape=(6, 6, 3)),
        conv("c", "a"),
    ],
    "twice": [first(), conv("c", "photo"), norm("n", "c"), norm("m", "n")],
    "eaten by two": [first(), conv("c", "photo"), norm("n", "c"), plain("s", "Add", "c", "n")],
    "of a convolution eaten by two": [first(), conv("c", "photo"), norm("n", "c"), plain("s", "Add", "n", "n")],
    "after a rectified convolution": [first(), conv("c", "photo", activation="relu"), norm("n", "c")],
    "a number added": [first(), conv("c", "photo"), affine("p", "c", 1.0, 3.0), act("a", "p")],
    "a number after a rectifier": [first(), conv("c", "photo"), act("a", "c"), affine("p", "a", 1 / 6, 0.0)],
    "a scaled sum": [
        first(),
        conv("l", "photo"),
        conv("r", "photo", use_bias=True),
        plain("s", "CustomScaleLayer", "l", "r", scale=0.17),
    ],
    "separable": [
        first(),
        Node(
            name="s",
            kind="SeparableConv2D",
            inputs=("photo",),
            shape=(6, 6, 4),
            config={
                "filters": 4,
                "kernel_size": (1, 1),
                "strides": (1, 1),
                "padding": "valid",
                "dilation_rate": (1, 1),
                "depth_multiplier": 2,
                "activation": "linear",
            },
            weights=(numbers(1, 1, 3, 2), numbers(1, 1, 6, 4)),
        ),
        norm("n", "s"),
    ],
    "depthwise": [
        first(),
        Node(
            name="d",
            kind="DepthwiseConv2D",
            inputs=("photo",),
            shape=(6, 6, 6),
            config={"kernel_size": (1, 1), "depth_multiplier": 2, "use_bias": False},
            weights=(numbers(1, 1, 3, 2),),
        ),
        norm("n", "d", (6, 6, 6)),
    ],
    "before a dense layer": [
        first((3,)),
        norm("n", "photo", (3,)),
        Node(
            name="d",
            kind="Dense",
            inputs=("n",),
            shape=(2,),
            config={"units": 2, "use_bias": False},
            weights=(numbers(3, 2),),
        ),
    ],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answer_stays_and_batch_normalization_goes(name):
    whole = Network(tuple(NETWORKS[name]))
    folded = folding.fold_batch_norm(whole)
    np.testing.assert_allclose(compute(folded), compute(whole), rtol=1e-4, atol=1e-5)
    kinds = {node.kind for node in folded.nodes}
    assert not kinds & {"BatchNormalization", AFFINE, "CustomScaleLayer", "SeparableConv2D"}
    assert all(node.activation == "linear" for node in folded.nodes if node.kind in folding.CONVOLUTIONS)
    assert folded.nodes[-1].name == whole.nodes[-1].name


def kinds(name):
    return [node.kind for node in folding.fold_batch_norm(Network(tuple(NETWORKS[name]))).nodes]


def test_what_becomes_of_it():
    assert kinds("after a convolution") == ["InputLayer", "Conv2D", "Activation"]
    assert kinds("twice") == ["InputLayer", "Conv2D"]
    assert kinds("alone before a rectifier") == ["InputLayer", "DepthwiseConv2D", "Activation", "Conv2D"]
    # The convolution's own output is eaten elsewhere too: it must stay as it is.
    assert kinds("eaten by two") == ["InputLayer", "Conv2D", "DepthwiseConv2D", "Add"]
    assert kinds("a number after a rectifier") == ["InputLayer", "Conv2D", "Activation", "DepthwiseConv2D"]
    assert kinds("a scaled sum") == ["InputLayer", "Conv2D", "Conv2D", "Add"]
    assert kinds("before a dense layer") == ["InputLayer", "Dense"]


def test_a_flat_tensor_that_nothing_can_take_over():
    whole = Network((first((3,)), act("a", "photo", shape=(3,)), norm("n", "a", (3,)), act("b", "n", shape=(3,))))
    with pytest.raises(StageError, match="layer 'n' cannot be quantized") as caught:
        folding.fold_batch_norm(whole)
    assert "int8" in caught.value.hint


def ranged(*nodes):
    return folding.list_calibrated_outputs(Network((first(), *nodes)))


def test_a_rectifier_runs_as_part_of_what_stands_before_it():
    assert ranged(conv("c", "photo"), act("a", "c")) == ("a",)
    assert ranged(conv("c", "photo"), plain("a", "ReLU", "c", max_value=6.0)) == ("a",)
    # Not these: a leaky one, another limit, and one of two that eat the sum.
    assert ranged(conv("c", "photo"), plain("a", "ReLU", "c", negative_slope=0.1)) == ("c", "a")
    assert ranged(conv("c", "photo"), plain("a", "ReLU", "c", max_value=4.0)) == ("c", "a")
    assert ranged(conv("c", "photo"), act("a", "c"), plain("s", "Add", "a", "c")) == ("c", "a", "s")
    assert ranged(conv("c", "photo"), act("a", "c", "silu")) == ("c", "a")


def test_movers_and_fixed_answers_have_none_of_their_own():
    pooled = plain("p", "MaxPooling2D", "c")
    assert ranged(conv("c", "photo"), pooled, plain("d", "Dropout", "p"), act("s", "d", "softmax")) == ("c",)
    assert ranged(conv("c", "photo"), act("s", "c", "sigmoid"), plain("m", "Multiply", "c", "s")) == ("c", "m")


def test_a_concatenation_has_one_range_for_all_that_feed_it_alone():
    left, right = conv("l", "photo"), conv("r", "photo")
    joined = plain("j", "Concatenate", "l", "r")
    assert ranged(left, right, joined) == ("j",)
    assert ranged(left, right, joined, plain("s", "Add", "l", "r")) == ("l", "r", "j", "s")
    gated = plain("g", "Multiply", "l", "r")
    assert ranged(left, right, gated, plain("j", "Concatenate", "g", "l")) == ("l", "r", "j")


def test_a_silu_is_a_sigmoid_and_a_product():
    whole = Network((first(), act("a", "photo", "silu", shape=(1, 1, 3)), conv("c", "a", activation="silu")))
    made = folding.fold_batch_norm(whole)
    assert [(node.name, node.kind, node.inputs) for node in made.nodes[1:]] == [
        ("a/sigmoid", "Activation", ("photo",)),
        ("a", "Multiply", ("photo", "a/sigmoid")),
        ("c/linear", "Conv2D", ("a",)),
        ("c/sigmoid", "Activation", ("c/linear",)),
        ("c", "Multiply", ("c/linear", "c/sigmoid")),
    ]
    assert folding.list_fixed_outputs(made) == ("a/sigmoid", "c/sigmoid")
    assert folding.list_calibrated_outputs(made) == ("a", "c/linear", "c")


def test_the_last_answer_is_fixed_for_nobody():
    assert folding.list_fixed_outputs(Network((first(), conv("c", "photo"), act("s", "c", "softmax")))) == ()


def test_an_average_has_the_steps_of_what_it_is_taken_of():
    pool = "AveragePooling2D"
    whole = Network(
        (
            first(),
            plain("of photo", pool, "photo"),
            conv("c", "photo"),
            act("a", "c"),
            plain("of relu", pool, "a"),
            plain("moved", "ZeroPadding2D", "of relu"),
            plain("of average", pool, "moved"),
            act("s", "a", "sigmoid"),
            plain("of sigmoid", pool, "s"),
            plain("sum", "Add", "of average", "of sigmoid"),
        )
    )
    assert folding.map_inherited_ranges(whole) == {"of relu": "a", "of average": "a", "of sigmoid": "s"}
