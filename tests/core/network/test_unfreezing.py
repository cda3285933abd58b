"""The layers that phase 2 trains, from names and facts alone."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network.unfreezing import LayerFacts, explain_head_only, find_last_block, select_layers


def make_layers(text: str) -> list[LayerFacts]:
    """Make layers from words: "conv" has weights, "relu-" has none, "add-2" merges two tensors."""
    layers = []
    for word in text.split():
        name, dash, inputs = word.partition("-")
        layers.append(LayerFacts(name, trainable=not dash, inputs=int(inputs or 1)))
    return layers


CHAIN = make_layers("conv1 bn1 relu1- conv2 bn2 relu2-")
# As in InceptionV3: branches within a block merge few tensors, the end of a block merges many.
BLOCKS = make_layers("stem mixed1-4 conv1 pair1-2 conv2 mixed2-4 conv3 relu3- pair2-2 act- mixed3-4")
# As in MobileNetV2: the last convolution is above the last merge.
RESIDUAL = make_layers("stem add1-2 conv1 add2-2 last relu-")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("all", ["conv1", "bn1", "conv2", "bn2"]),
        ("1", ["conv1", "bn1", "conv2", "bn2"]),
        ("0.5", ["conv2", "bn2"]),
        ("-3", ["conv2", "bn2"]),
        ("-2", ["bn2"]),
        ("relu1", ["conv2", "bn2"]),
        ("bn2", ["bn2"]),
        # The textbook counts layers, and the last one has no weights.
        ("-1", []),
    ],
)
def test_layers_with_weights_are_selected(spec, expected):
    assert select_layers(CHAIN, spec) == expected


@pytest.mark.parametrize("spec", ["relu2", "0.1"])
def test_layer_or_fraction_without_weights_is_an_error_that_names_a_block(spec):
    with pytest.raises(ConfigError, match="selects no layer with weights") as error:
        select_layers(CHAIN, spec)
    assert error.value.hint == "--unfreeze bn2 trains the last block, --fine-tune-epochs 0 skips phase 2"


@pytest.mark.parametrize("spec", ["0", "2", "-1.5", "-7", "nan", "conv3", ""])
def test_impossible_specification_is_an_error(spec):
    with pytest.raises(ConfigError):
        select_layers(CHAIN, spec)


@pytest.mark.parametrize(
    ("layers", "name", "trained"),
    [(CHAIN, "bn2", ["bn2"]), (BLOCKS, "mixed2", ["conv3"]), (RESIDUAL, "add2", ["last"])],
)
def test_last_block_begins_at_a_merge_or_is_the_last_layer_with_weights(layers, name, trained):
    assert find_last_block(layers) == name and select_layers(layers, name) == trained


def test_last_block_of_a_base_that_has_one_merge_alone():
    assert find_last_block(make_layers("conv1 conv2 add-2")) == "conv2"
    assert find_last_block(make_layers("relu-")) == "relu"


def test_head_alone_is_said_with_the_layer_that_would_unfreeze_a_block():
    text = explain_head_only(BLOCKS, "-3", "inception_v3")
    assert text.startswith("--unfreeze -3 reaches no layer with weights in inception_v3: phase 2 trains the head alone")
    assert "--unfreeze mixed2 trains the last block" in text
