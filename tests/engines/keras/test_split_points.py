"""cuts.py: where a network can be split, checked against the counts measured for keras.applications."""

import keras
import pytest

from edgetl.core.network import bases
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import split_points


def scratch(name):
    row = bases.find_base(name)
    alpha = 0.35 if row.has_widths else 1.0
    base = {"name": name, "weights": "none", "side_px": row.smallest_side_px, "alpha": alpha}
    recipe = resolve_recipe("default", {"base": base})
    return build.assemble_model(recipe.base, recipe.head, 3)


# Measured on Keras's networks; NASNet's cells hand two tensors on, so that only its two ends can be cut.
COUNTED = [
    ("mobilenet", 86),
    ("mobilenet_v2", 74),
    ("vgg16", 19),
    ("resnet50", 39),
    ("densenet121", 79),
    ("nasnet_mobile", 5),
    ("inception_v3", 29),
    ("xception", 25),
]


@pytest.mark.parametrize(("name", "expected"), COUNTED)
def test_as_many_cuts_as_the_networks_have(name, expected):
    keras.backend.clear_session()
    model = scratch(name)
    inside = {layer.name for layer in build.list_base_layers(model)}
    # The measured counts take the base's own input for a cut and its end for none, or the other way round.
    assert abs(sum(cut.name in inside for cut in split_points.find_split_points(model)) - expected) <= 1


def test_a_skip_connection_is_never_cut_through():
    image = keras.Input((4,), name="image")
    low = keras.layers.Dense(4, name="low")(image)
    inner = keras.layers.Dense(4, name="inner")(low)
    joined = keras.layers.Add(name="joined")([low, inner])
    model = keras.Model(image, keras.layers.Dense(2, name="scores")(joined))
    assert [cut.name for cut in split_points.find_split_points(model)] == ["image", "low", "joined"]


def test_bare_operations_are_steps_too():
    """MobileNetV3 adds and multiplies without layers; a cut between them would leave half of them behind."""
    model = scratch("mobilenet_v3_small")
    assert len(model.operations) > len(model.layers)
    found = split_points.find_split_points(model)
    inside = {layer.name for layer in build.list_base_layers(model)}
    assert sum(cut.name in inside for cut in found) > 20
    low = keras.Model(model.input, [found[len(found) // 2].tensor])
    assert low.output_shape[0] is None


def test_below_takes_the_highest_cut_under_what_is_trained():
    model = scratch("mobilenet_v2")
    found = split_points.find_split_points(model)
    assert split_points.find_split_below(model, found, ["dropout", build.SCORES]).name == build.POOLING
    assert split_points.find_split_below(model, found, ["Conv_1"]).name == "block_16_project_BN"
    # block_2 adds its input to its output: inside it two tensors run side by side, so the cut lies under the block.
    assert split_points.find_split_below(model, found, ["block_2_project"]).name == "block_1_project_BN"
