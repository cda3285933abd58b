"""folding.py: a folded network computes the same without BatchNormalization, and its activation ranges are listed."""

import hashlib
import zlib

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.network import folding
from edgetl.core.network.description import AFFINE, Network, Node
from edgetl.core.network.folding import fold_batch_norm


def draw(name: str, *shape: int) -> np.ndarray:
    """Draw float32 numbers in -1..1 that depend only on a name and the shape, not on the version of numpy."""
    numbers = np.arange(np.prod(shape, dtype=np.int64)) * 7919 + zlib.crc32(name.encode())
    return (numbers % 2003 / 1001 - 1).astype(np.float32).reshape(shape)


def make_input(shape=(6, 6, 3)):
    return Node(name="photo", kind="InputLayer", inputs=(), shape=shape)


def make_conv(name, source, filters=4, channels=3, **config):
    bias = (draw(f"{name} bias", filters),) if config.get("use_bias") else ()
    return Node(
        name=name,
        kind="Conv2D",
        inputs=(source,),
        shape=(6, 6, filters),
        config={"filters": filters, "kernel_size": (1, 1), "use_bias": False, **config},
        weights=(draw(name, 1, 1, channels, filters), *bias),
    )


def make_norm(name, source, shape=(6, 6, 4), **config):
    config = {"epsilon": 1e-3, "scale": True, "center": True, **config}
    weights = [draw(f"{name} {index}", shape[-1]) for index in range(2 + config["scale"] + config["center"])]
    weights[-1] = np.abs(weights[-1]) + 0.1
    kind = "BatchNormalization"
    return Node(name=name, kind=kind, inputs=(source,), shape=shape, config=config, weights=tuple(weights))


def make_affine(name, source, scale, offset, shape=(6, 6, 4)):
    weights = (np.asarray(scale, np.float32), np.asarray(offset, np.float32))
    return Node(name=name, kind=AFFINE, inputs=(source,), shape=shape, weights=weights)


def make_activation(name, source, activation="relu", shape=(6, 6, 4)):
    return make_layer(name, "Activation", source, shape=shape, activation=activation)


def make_layer(name, kind, *sources, shape=(6, 6, 4), **config):
    return Node(name=name, kind=kind, inputs=sources, shape=shape, config=config)


def make_dense(name, source):
    config = {"units": 2, "use_bias": False}
    return Node(name=name, kind="Dense", inputs=(source,), shape=(2,), config=config, weights=(draw(name, 3, 2),))


def make_depthwise(name, source):
    return Node(
        name=name,
        kind="DepthwiseConv2D",
        inputs=(source,),
        shape=(6, 6, 6),
        config={"kernel_size": (1, 1), "depth_multiplier": 2, "use_bias": False},
        weights=(draw(name, 1, 1, 3, 2),),
    )


def make_separable(name, source):
    config = {"filters": 4, "kernel_size": (1, 1), "strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1)}
    return Node(
        name=name,
        kind="SeparableConv2D",
        inputs=(source,),
        shape=(6, 6, 4),
        config={**config, "depth_multiplier": 2, "activation": "linear"},
        weights=(draw(f"{name} depthwise", 1, 1, 3, 2), draw(f"{name} pointwise", 1, 1, 6, 4)),
    )


def apply_depthwise(inputs, weights):
    return (inputs[..., None] * weights[0, 0]).reshape(*inputs.shape[:-1], -1)


def compute_layer(node: Node, inputs: list[np.ndarray]) -> np.ndarray:  # noqa: PLR0911  (one return for each kind)
    """Compute a layer in numpy; convolutions are 1x1."""
    weights = node.weights
    bias = weights[-1] if node.config.get("use_bias") else 0
    match node.kind:
        case "InputLayer":
            return draw("photo", *node.shape).astype(np.float64)
        case "Conv2D" | "Dense":
            return inputs[0] @ weights[0].reshape(weights[0].shape[-2:]) + bias
        case "DepthwiseConv2D":
            return apply_depthwise(inputs[0], weights[0]) + bias
        case "SeparableConv2D":
            return apply_depthwise(inputs[0], weights[0]) @ weights[1][0, 0]
        case "BatchNormalization":
            gamma = weights[0] if node.config["scale"] else 1
            beta = weights[-3] if node.config["center"] else 0
            return gamma * (inputs[0] - weights[-2]) / np.sqrt(weights[-1] + node.config["epsilon"]) + beta
        case "Affine":
            return inputs[0] * weights[0] + weights[1]
        case "Add":
            return inputs[0] + inputs[1]
        case "CustomScaleLayer":
            return inputs[0] + inputs[1] * node.config["scale"]
        case "Activation":
            return inputs[0]
    raise AssertionError(node.kind)


def compute(network: Network) -> np.ndarray:
    """Compute the output of a network."""
    outputs: dict[str, np.ndarray] = {}
    for node in network.nodes:
        output = compute_layer(node, [outputs[name] for name in node.inputs])
        outputs[node.name] = np.maximum(output, 0) if node.activation == "relu" else output
    return outputs[network.nodes[-1].name]


NETWORKS = {
    name: Network((make_input(), *layers))
    for name, layers in {
        "after a convolution": [make_conv("c", "photo"), make_norm("n", "c"), make_activation("a", "n")],
        "after a bias": [make_conv("c", "photo", use_bias=True), make_norm("n", "c")],
        "without scale": [make_conv("c", "photo"), make_norm("n", "c", scale=False)],
        "without center": [make_conv("c", "photo"), make_norm("n", "c", center=False)],
        "before an activation": [
            make_norm("n", "photo", (6, 6, 3)),
            make_activation("a", "n", shape=(6, 6, 3)),
            make_conv("c", "a"),
        ],
        "two in a row": [make_conv("c", "photo"), make_norm("n", "c"), make_norm("m", "n")],
        "convolution with two consumers": [
            make_conv("c", "photo"),
            make_norm("n", "c"),
            make_layer("s", "Add", "c", "n"),
        ],
        "norm consumed twice": [make_conv("c", "photo"), make_norm("n", "c"), make_layer("s", "Add", "n", "n")],
        "after a convolution with activation": [make_conv("c", "photo", activation="relu"), make_norm("n", "c")],
        "offset": [make_conv("c", "photo"), make_affine("p", "c", 1.0, 3.0), make_activation("a", "p")],
        "scale after an activation": [
            make_conv("c", "photo"),
            make_activation("a", "c"),
            make_affine("p", "a", 1 / 6, 0.0),
        ],
        "scaled sum": [
            make_conv("l", "photo"),
            make_conv("r", "photo", use_bias=True),
            make_layer("s", "CustomScaleLayer", "l", "r", scale=0.17),
        ],
        "separable": [make_separable("s", "photo"), make_norm("n", "s")],
        "depthwise": [make_depthwise("d", "photo"), make_norm("n", "d", (6, 6, 6))],
    }.items()
}
BEFORE_DENSE = Network((make_input((3,)), make_norm("n", "photo", (3,)), make_dense("d", "n")))


@pytest.mark.parametrize("network", [*NETWORKS.values(), BEFORE_DENSE], ids=[*NETWORKS, "before a dense layer"])
def test_folded_network_computes_the_same_without_batch_normalization(network):
    folded = fold_batch_norm(network)
    np.testing.assert_allclose(compute(folded), compute(network), rtol=1e-4, atol=1e-5)
    kinds = {node.kind for node in folded.nodes}
    assert not kinds & {"BatchNormalization", AFFINE, "CustomScaleLayer", "SeparableConv2D"}
    assert all(node.activation == "linear" for node in folded.nodes if node.kind in folding.CONVOLUTIONS)
    assert folded.nodes[-1].name == network.nodes[-1].name


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("after a convolution", ["Conv2D", "Activation"]),
        ("two in a row", ["Conv2D"]),
        ("before an activation", ["DepthwiseConv2D", "Activation", "Conv2D"]),
        ("convolution with two consumers", ["Conv2D", "DepthwiseConv2D", "Add"]),
        ("scale after an activation", ["Conv2D", "Activation", "DepthwiseConv2D"]),
        ("scaled sum", ["Conv2D", "Conv2D", "Add"]),
    ],
)
def test_norm_is_folded_into_the_convolution_before_it_or_becomes_one(name, kinds):
    assert [node.kind for node in fold_batch_norm(NETWORKS[name]).nodes] == ["InputLayer", *kinds]


def test_norm_before_a_dense_layer_is_folded_into_it():
    assert [node.kind for node in fold_batch_norm(BEFORE_DENSE).nodes] == ["InputLayer", "Dense"]


def test_folded_weights_are_the_same_to_the_last_bit():
    """Model files made from them must stay the same. A dense layer is not included: its sums depend on the machine."""
    digest = hashlib.sha256()
    for network in NETWORKS.values():
        for node in fold_batch_norm(network).nodes:
            digest.update(f"{node.name} {node.kind} {node.inputs} {sorted(node.config.items())}".encode())
            digest.update(b"".join(array.tobytes() for array in node.weights))
    assert digest.hexdigest()[:16] == "302c3a4ce1cfa512"


def test_network_is_searched_once_for_any_number_of_layers(monkeypatch):
    searches = []
    consumers = Network.consumers
    monkeypatch.setattr(Network, "consumers", lambda network: searches.append(network) or consumers(network))
    layers = [make_input((6, 6, 4))]
    for number in range(100):
        layers.append(make_conv(f"c{number}", layers[-1].name, channels=4))
        layers.append(make_norm(f"n{number}", layers[-1].name))
    folded = fold_batch_norm(Network(tuple(layers)))
    assert len(folded.nodes) == 101 and len(searches) == 1


def test_flat_tensor_without_a_dense_layer_is_refused():
    shape = (3,)
    network = Network(
        (
            make_input(shape),
            make_activation("a", "photo", shape=shape),
            make_norm("n", "a", shape),
            make_activation("b", "n", shape=shape),
        )
    )
    with pytest.raises(StageError, match="layer 'n' cannot be quantized") as error:
        fold_batch_norm(network)
    assert "--method int8" in error.value.hint


def test_silu_is_split_into_a_sigmoid_and_a_product():
    activation = make_activation("a", "photo", "silu", shape=(1, 1, 3))
    folded = fold_batch_norm(Network((make_input(), activation, make_conv("c", "a", activation="silu"))))
    assert [(node.name, node.kind, node.inputs) for node in folded.nodes[1:]] == [
        ("a/sigmoid", "Activation", ("photo",)),
        ("a", "Multiply", ("photo", "a/sigmoid")),
        ("c/linear", "Conv2D", ("a",)),
        ("c/sigmoid", "Activation", ("c/linear",)),
        ("c", "Multiply", ("c/linear", "c/sigmoid")),
    ]
    assert folding.list_fixed_outputs(folded) == ("a/sigmoid", "c/sigmoid")
    assert folding.list_calibrated_outputs(folded) == ("a", "c/linear", "c")


@pytest.mark.parametrize(
    ("stride", "padding"), [(1, "same"), (2, "same"), (1, "valid")], ids=["stride 1", "stride 2", "valid"]
)
def test_depthwise_half_of_a_separable_convolution_has_its_rows_and_columns(stride, padding):
    separable = make_separable("s", "photo").replace_config(strides=(stride, stride), padding=padding)
    depthwise = fold_batch_norm(Network((make_input(), separable))).node("s/depthwise")
    assert depthwise.shape == (6, 6, 6)


def list_calibrated(*layers: Node) -> tuple[str, ...]:
    return folding.list_calibrated_outputs(Network((make_input(), *layers)))


CONV = make_conv("c", "photo")


@pytest.mark.parametrize(
    ("layers", "calibrated"),
    [
        ([make_activation("a", "c")], ("a",)),
        ([make_layer("a", "ReLU", "c", max_value=6.0)], ("a",)),
        ([make_layer("a", "ReLU", "c", negative_slope=0.1)], ("c", "a")),
        ([make_layer("a", "ReLU", "c", max_value=4.0)], ("c", "a")),
        ([make_activation("a", "c"), make_layer("s", "Add", "a", "c")], ("c", "a", "s")),
        ([make_activation("a", "c", "silu")], ("c", "a")),
    ],
    ids=["relu", "relu6", "leaky", "other maximum", "two consumers", "silu"],
)
def test_layer_has_the_range_of_a_fused_activation(layers, calibrated):
    assert list_calibrated(CONV, *layers) == calibrated


def test_layers_that_move_values_and_softmax_have_no_calibrated_range():
    pool, dropout = make_layer("p", "MaxPooling2D", "c"), make_layer("d", "Dropout", "p")
    assert list_calibrated(CONV, pool, dropout, make_activation("s", "d", "softmax")) == ("c",)


def test_sigmoid_has_no_calibrated_range():
    gate, product = make_activation("s", "c", "sigmoid"), make_layer("m", "Multiply", "c", "s")
    assert list_calibrated(CONV, gate, product) == ("c", "m")


def test_concatenation_has_one_range_for_inputs_without_other_consumers():
    left, right = make_conv("l", "photo"), make_conv("r", "photo")
    joined = make_layer("j", "Concatenate", "l", "r")
    assert list_calibrated(left, right, joined) == ("j",)
    assert list_calibrated(left, right, joined, make_layer("s", "Add", "l", "r")) == ("l", "r", "j", "s")
    product = make_layer("g", "Multiply", "l", "r")
    assert list_calibrated(left, right, product, make_layer("j", "Concatenate", "g", "l")) == ("l", "r", "j")


def test_softmax_of_the_last_layer_is_not_listed_as_fixed():
    network = Network((make_input(), CONV, make_activation("s", "c", "softmax")))
    assert folding.list_fixed_outputs(network) == ()


def test_average_pooling_inherits_the_range_of_its_source():
    pool = "AveragePooling2D"
    network = Network(
        (
            make_input(),
            make_layer("of photo", pool, "photo"),
            CONV,
            make_activation("a", "c"),
            make_layer("of relu", pool, "a"),
            make_layer("moved", "ZeroPadding2D", "of relu"),
            make_layer("of average", pool, "moved"),
            make_activation("s", "a", "sigmoid"),
            make_layer("of sigmoid", pool, "s"),
            make_layer("sum", "Add", "of average", "of sigmoid"),
        )
    )
    assert folding.map_inherited_ranges(network) == {"of relu": "a", "of average": "a", "of sigmoid": "s"}
