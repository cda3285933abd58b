"""Configurations of networks: sizes, number of layers and depth are bounded, and all bases are within the bounds."""

import json

import keras
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.tables import BaseRecipe
from edgetl.engines.keras.external import config_bounds
from edgetl.engines.keras.external.config_bounds import check_config, check_side


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"units": 2**20 + 1}, "declares units"),
        ({"a": [{"filters": 2**30}]}, "declares filters"),
        ({"kernel_size": [3, 10**6]}, "declares kernel_size"),
        ({"padding": [[0, 10**6], [0, 0]]}, "declares padding"),
        ({"units": float("nan")}, "declares units"),
        ({"target_shape": [2**40]}, "declares target_shape"),
        ({"batch_shape": [None, 1025, 32, 3]}, "a side of 1025 px"),
        ({"batch_input_shape": [None, 32, 1025, 3]}, "a side of 1025 px"),
        ({"batch_shape": [None, 2**30]}, "declares batch_shape"),
        ({"layers": [{}] * 5001}, "more than 5000 layers"),
        ({"layers": [{"layers": [{}] * 2500}, {"layers": [{}] * 2500}]}, "more than 5000 layers"),
        (
            {"class_name": "Dense", "config": {"units": 2**20}, "build_config": {"input_shape": [None, 2**10]}},
            "GiB of weights",
        ),
        (
            {
                "class_name": "Conv2D",
                "config": {"filters": 4096, "kernel_size": [9, 9]},
                "build_config": {"input_shape": [None, 8, 8, 4096]},
            },
            "GiB of weights",
        ),
    ],
)
def test_size_above_its_bound_is_refused(config, match):
    with pytest.raises(ConfigError, match=match):
        check_config(config)


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {"units": "many", "filters": None, "kernel_size": {"a": 1}, "layers": {}, "batch_shape": "x"},
        {"seed": 2**62, "units": True, "batch_shape": [None, None, None, 3]},
        {"target_shape": [-1, 1280], "batch_shape": [None, 1024, 1024, 3]},
        {"class_name": "Dense", "config": 3, "build_config": []},
        {"class_name": "Dense", "config": {"units": 3}, "build_config": {"input_shape": [[None, 3], [None, 3]]}},
        {"class_name": "Conv2D", "config": {"filters": 3, "groups": 0}, "build_config": {"input_shape": [None, 8]}},
    ],
)
def test_other_values_are_left_to_keras(config):
    check_config(config)


def test_depth_is_bounded_without_recursion():
    config = []
    for _ in range(100_000):
        config = [config]
    with pytest.raises(ConfigError, match="more than 100 nested levels"):
        check_config(config)
    # The list itself is too deep to be freed by recursion.
    while config:
        config = config[0]


def test_side_has_the_bound_of_the_recipe():
    check_side(config_bounds.LARGEST_SIDE_PX)
    with pytest.raises(ConfigError, match="at most 1024 px are possible"):
        check_side(1025)
    (limit,) = [entry.le for entry in BaseRecipe.model_fields["side_px"].metadata if hasattr(entry, "le")]
    assert limit == config_bounds.LARGEST_SIDE_PX


def test_nested_network_is_within_the_bounds():
    network = keras.applications.MobileNetV3Small((224, 224, 3), include_top=False, weights=None)
    image = keras.Input((224, 224, 3))
    check_config(json.loads(keras.Model(image, network(image)).to_json()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["NASNetLarge", "EfficientNetV2L", "ConvNeXtXLarge", "VGG19", "DenseNet201"])
def test_largest_networks_of_keras_are_within_the_bounds(name):
    check_config(json.loads(getattr(keras.applications, name)(weights=None).to_json()))
