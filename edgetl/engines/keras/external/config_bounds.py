"""The configuration of a network from a stranger, checked before Keras makes a layer of it: depth, number, sizes.

The bounds are far above every network of Keras applications. What a configuration hides from these checks is bounded by
the memory and the time of the process that loads it: see `inspection`.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

from edgetl.core.errors import ConfigError
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES

# The bound of --side. Photos are decoded for the side of the input.
LARGEST_SIDE_PX = 1024

# NASNetLarge has 1041 layers.
_MOST_LAYERS = 5000
# A level of nested models adds five levels of JSON.
_DEEPEST = 100
_LARGEST_CHANNELS = 2**20
_LARGEST_LENGTH = 2**20
# Keys of layers → largest value, or largest entry of a list.
_LARGEST = {
    **dict.fromkeys(("units", "filters", "depth_multiplier", "input_dim", "output_dim"), _LARGEST_CHANNELS),
    **dict.fromkeys(("groups", "num_heads", "key_dim", "value_dim"), _LARGEST_CHANNELS),
    **dict.fromkeys(("kernel_size", "pool_size", "strides", "dilation_rate", "size"), LARGEST_SIDE_PX),
    **dict.fromkeys(("padding", "cropping", "height", "width"), LARGEST_SIDE_PX),
    **dict.fromkeys(("target_shape", "n", "num_tokens", "max_tokens"), _LARGEST_LENGTH),
}
# Layers with a weight for each pair of an input and an output channel. Depthwise layers have fewer.
_FULL_KERNELS = ("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose")
_INPUT_SHAPES = ("batch_shape", "batch_input_shape")


def check_config(config: object) -> None:
    """Check the configuration of a network.

    Args:
        config: parsed JSON.

    Raises:
        ConfigError: it is nested too deeply, has too many layers, or declares a size above its bound.
    """
    layers, objects = 0, list(_iterate_objects(config))
    for value in objects:
        nested = value.get("layers")
        layers += len(nested) if isinstance(nested, list) else 0
        if layers > _MOST_LAYERS:
            raise ConfigError(f"the network has more than {_MOST_LAYERS} layers")
        for key, entry in value.items():
            _check_size(key, entry)
    if sum(map(_estimate_weight_bytes, objects)) > LARGEST_MODEL_BYTES:
        raise ConfigError(f"the network declares more than {LARGEST_MODEL_BYTES >> 30} GiB of weights")


def check_side(side_px: int) -> None:
    """Check the side of a model's input.

    Raises:
        ConfigError: it is above 1024 px.
    """
    if side_px > LARGEST_SIDE_PX:
        raise ConfigError(
            f"the model's input has a side of {side_px} px, and at most {LARGEST_SIDE_PX} px are possible",
            hint="build the model again with a smaller input, load its weights, and save it",
        )


def _iterate_objects(config: object) -> Iterator[dict[str, Any]]:
    """Yield every JSON object. A stack instead of recursion: the depth is what is checked.

    Raises:
        ConfigError: nested too deeply.
    """
    stack: list[tuple[object, int]] = [(config, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > _DEEPEST:
            raise ConfigError(f"the configuration of the network has more than {_DEEPEST} nested levels")
        if isinstance(value, dict):
            yield value
            stack += [(entry, depth + 1) for entry in value.values()]
        elif isinstance(value, list):
            stack += [(entry, depth + 1) for entry in value]


def _check_size(key: str, value: object) -> None:
    """Check one entry of an object. Entries of other types are left to Keras."""
    numbers = _list_numbers(value)
    if key in _INPUT_SHAPES and isinstance(value, list) and len(value) == 4:
        # [photos, height, width, channels]; an open length is None.
        check_side(int(max(_list_numbers(value[1:3]), default=0)))
    limit = _LARGEST_LENGTH if key.endswith("shape") else _LARGEST.get(key)
    for number in numbers if limit else ():
        # A size of -1 is the remaining one. NaN is not within any bounds.
        if not -1 <= number <= (limit or 0):
            raise ConfigError(f"the network declares {key} of {number:g}, and the bound is {limit}")
    if key in _INPUT_SHAPES and prod(numbers) > _LARGEST_LENGTH * 16:
        raise ConfigError(f"the network declares an input of {value}")


def _list_numbers(value: object) -> list[float]:
    """List the numbers in a value, or in a list of numbers or of lists of numbers."""
    if isinstance(value, list):
        return [number for entry in value for number in _list_numbers_flat(entry)]
    return _list_numbers_flat(value)


def _list_numbers_flat(value: object) -> list[float]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, int | float) and not isinstance(entry, bool)]


def _estimate_weight_bytes(value: dict[str, Any]) -> int:
    """Estimate the size of a layer's kernel from its configuration and the shape of its input; 0 without them."""
    config, build = value.get("config"), value.get("build_config")
    if value.get("class_name") not in _FULL_KERNELS or not isinstance(config, dict) or not isinstance(build, dict):
        return 0
    shape = build.get("input_shape")
    channels = shape[-1] if isinstance(shape, list) and shape else None
    units = config.get("units", config.get("filters"))
    if not isinstance(channels, int) or not isinstance(units, int):
        return 0
    groups = config.get("groups", 1)
    kernel = [int(number) for number in _list_numbers(config.get("kernel_size", 1))]
    return 4 * prod(kernel) * channels * units // (groups if isinstance(groups, int) and groups > 0 else 1)
