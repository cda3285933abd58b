"""Split points of networks, with the counts that were measured for keras.applications."""

import keras
import pytest

from edgetl.core.network import bases
from edgetl.engines.keras import build, split_points
from tests.fixtures.training import make_recipe


def assemble(name):
    """A base of the smallest size, without pretrained weights, with a head."""
    keras.backend.clear_session()
    row = bases.find_base(name)
    alpha = 0.35 if row.has_widths else 1.0
    recipe = make_recipe(base={"name": name, "side_px": row.smallest_side_px, "alpha": alpha})
    return build.assemble_model(recipe.base, recipe.head, 3, None)


def list_split_layers(model):
    """The names of the base's layers after which the network can be split."""
    base = {layer.name for layer in build.list_base_layers(model)}
    return [point.name for point in split_points.find_split_points(model) if point.name in base]


# Measured on the networks of Keras. A cell of NASNet passes on two tensors, so that only its two ends are split points.
COUNTS = [
    ("mobilenet", 86),
    ("mobilenet_v2", 74),
    ("vgg16", 19),
    ("resnet50", 39),
    ("densenet121", 79),
    ("nasnet_mobile", 5),
    ("inception_v3", 29),
    ("xception", 25),
]


# With and without residual additions.
QUICK = ("mobilenet", "mobilenet_v2", "resnet50")


@pytest.mark.parametrize(
    ("name", "expected"), [pytest.param(*row, marks=() if row[0] in QUICK else pytest.mark.slow) for row in COUNTS]
)
def test_number_of_split_points(name, expected):
    # The measured counts include the input of the base and not its end, or the reverse.
    assert abs(len(list_split_layers(assemble(name))) - expected) <= 1


def test_there_is_no_split_point_inside_a_skip_connection():
    image = keras.Input((4,), name="image")
    low = keras.layers.Dense(4, name="low")(image)
    inner = keras.layers.Dense(4, name="inner")(low)
    joined = keras.layers.Add(name="joined")([low, inner])
    model = keras.Model(image, keras.layers.Dense(2, name="scores")(joined))
    assert [point.name for point in split_points.find_split_points(model)] == ["image", "low", "joined"]


def test_operations_that_are_not_layers_are_considered():
    """MobileNetV3 adds and multiplies without layers. A split point between two of them would lose one."""
    model = assemble("mobilenet_v3_small")
    assert len(model.operations) > len(model.layers)
    assert len(list_split_layers(model)) > 20
    points = split_points.find_split_points(model)
    lower = keras.Model(model.input, points[len(points) // 2].tensor)
    assert lower.output_shape[0] is None


def test_highest_split_point_below_the_trained_layers():
    model = assemble("mobilenet_v2")
    points = split_points.find_split_points(model)
    assert split_points.find_split_below(model, points, ["dropout", build.SCORES]).name == build.POOLING
    assert split_points.find_split_below(model, points, ["Conv_1"]).name == "block_16_project_BN"
    # block_2 adds its input to its output. The split point is below the block, because two tensors cross it inside.
    assert split_points.find_split_below(model, points, ["block_2_project"]).name == "block_1_project_BN"
