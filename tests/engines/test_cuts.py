"""cuts.py: where a network can be split, checked against the counts measured for keras.applications."""

import keras
import pytest

from edgetl.core.recipe import resolve
from edgetl.engines import cuts, keras3


def scratch(name):
    recipe = resolve("default", {"base": {"name": name, "weights": "none", "side_px": 32, "alpha": 0.35}})
    return keras3.assembled(recipe.base, recipe.head, 3)


@pytest.mark.parametrize(("name", "expected"), [("mobilenet", 86), ("mobilenet_v2", 74)])
def test_as_many_cuts_as_the_networks_have(name, expected):
    keras.backend.clear_session()
    model = scratch(name)
    inside = {layer.name for layer in keras3.base_layers(model)}
    # The measured counts take the base's own input for a cut and its end for none, or the other way round.
    assert abs(sum(cut.name in inside for cut in cuts.cuts(model)) - expected) <= 1


def test_a_skip_connection_is_never_cut_through():
    image = keras.Input((4,), name="image")
    low = keras.layers.Dense(4, name="low")(image)
    inner = keras.layers.Dense(4, name="inner")(low)
    joined = keras.layers.Add(name="joined")([low, inner])
    model = keras.Model(image, keras.layers.Dense(2, name="scores")(joined))
    assert [cut.name for cut in cuts.cuts(model)] == ["image", "low", "joined"]


def test_below_takes_the_highest_cut_under_what_is_trained():
    model = scratch("mobilenet_v2")
    found = cuts.cuts(model)
    assert cuts.below(model, found, [keras3.SCORES]).name in (keras3.POOLING, "dropout")
    assert cuts.below(model, found, ["Conv_1"]).name == "block_16_project_BN"
    # block_2 adds its input to its output: inside it two tensors run side by side, so the cut lies under the block.
    assert cuts.below(model, found, ["block_2_project"]).name == "block_1_project_BN"
