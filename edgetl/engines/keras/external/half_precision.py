"""Models that compute in half precision, all of them or some layers: a float32 copy, and how far the two may differ."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

# Largest relative rounding error of one operation: half the distance of two neighbours. Source: IEEE 754, and
# bfloat16's 8 significant bits.
_ROUNDINGS = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
# Rounding errors of layers are independent and add up like their square root, so u * sqrt(layers) is one unit. A layer
# may amplify those before it, and the largest difference of many photos is several units: 8 is an allowance, not a
# derived bound. A kernel of zeros is far above it. A single wrong statistic of a late normalization may be below it, so
# the comparison does not replace the copying of all weights in their order, which is exact.
_SPREAD = 8.0
FLOAT32_TOLERANCE = 1e-4


def list_compute_dtypes(model: keras.Model) -> tuple[str, ...]:
    """List the dtypes that the layers of a model compute in, nested models included, sorted."""
    return tuple(sorted({str(layer.compute_dtype) for layer in iterate_layers_inside(model) if layer.weights}))


def has_half_precision(compute_dtypes: Iterable[str]) -> bool:
    """Return whether one of the dtypes is of half precision."""
    return any(dtype in _ROUNDINGS for dtype in compute_dtypes)


def iterate_layers_inside(model: Any) -> Iterable[keras.layers.Layer]:
    """Yield the layers of a model and those inside them, without the models."""
    for layer in model._flatten_layers(include_self=False):
        if not isinstance(layer, keras.Model):
            yield layer


def copy_in_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a model, nested models and wrapped layers included, that computes in float32."""
    config = _replace_dtypes(keras.saving.serialize_keras_object(model))
    copy: keras.Model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    copy.set_weights([np.asarray(keras.ops.cast(weight, "float32")) for weight in model.weights])
    return copy


def find_tolerance(compute_dtypes: Iterable[str], layers: int, largest: float) -> float:
    """Return how far the outputs of a float32 copy may be from those of the original.

    Args:
        compute_dtypes: of the original.
        layers: number of its layers with weights: each rounds once.
        largest: largest absolute output of the original.

    Returns:
        In float32 1e-4, in half precision 8 * u * sqrt(layers) with u = 2**-11 for float16 and 2**-8 for bfloat16, each
        times the largest output if that is above 1.
    """
    rounding = max((_ROUNDINGS.get(dtype, 0.0) for dtype in compute_dtypes), default=0.0)
    return max(FLOAT32_TOLERANCE, _SPREAD * rounding * math.sqrt(max(1, layers))) * max(1.0, largest)


def _replace_dtypes(value: Any) -> Any:
    """Replace every half-precision dtype in a configuration by float32."""
    if isinstance(value, str):
        return "float32" if value.removeprefix("mixed_") in _ROUNDINGS else value
    if isinstance(value, list | tuple):
        return type(value)(_replace_dtypes(entry) for entry in value)
    if isinstance(value, dict):
        return {key: _replace_dtypes(entry) for key, entry in value.items()}
    return value
