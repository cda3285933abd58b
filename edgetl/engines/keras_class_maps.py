"""Class activation maps of a Keras model."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from edgetl.core.heat_maps.class_maps import (
    MAXIMUM,
    NO_MEAN,
    ClassMapError,
    ClassMaps,
    check_map_size,
)
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.scaling import make_functional

# The last activation. The dense layer of a model made elsewhere may output logits.
_ACTIVATIONS = (keras.layers.Softmax, keras.layers.Activation)
# Layers that do nothing to pooled features when a model predicts.
_IDENTITIES = (keras.layers.Dropout, keras.layers.Flatten)

# A layer, and a function that returns its input in the outermost model.
_Step = tuple[Any, Callable[[], Any]]


def compute_keras_maps(
    model: keras.Model, photos: Pixels, advance: Callable[[int], None] = lambda _: None
) -> ClassMaps:
    """Compute the class activation maps of a Keras model: see `core.heat_maps.class_maps`.

    Args:
        model: its input is uint8 [photos, height, width, 3].
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos in each finished batch.

    Raises:
        ClassMapError: the network does not end in a mean and one dense layer.
    """
    tensor, dense = find_last_feature_map(model)
    height, width = tensor.shape[1:3]
    check_map_size(height, width)
    weights = np.asarray(keras.ops.convert_to_numpy(dense.kernel))
    bias = np.asarray(keras.ops.convert_to_numpy(dense.bias)) if dense.use_bias else np.zeros(weights.shape[1])
    # The dense layer at each place of the feature map. Within the network, because the feature maps of all photos would
    # need hundreds of MB.
    places = keras.layers.Dense(weights.shape[1], use_bias=False, dtype="float32")
    flat = keras.layers.Reshape((height * width * weights.shape[1],), dtype="float32")(places(tensor))
    places.set_weights([weights])
    maps = keras_model.predict_outputs(keras.Model(model.inputs, flat), photos, advance)
    return ClassMaps(maps=maps.reshape(-1, height, width, weights.shape[1]), bias=bias.astype(np.float32))


def find_last_feature_map(model: keras.Model) -> tuple[keras.KerasTensor, keras.layers.Dense]:
    """Return the input of the pooling, [photos, height, width, channels], and the dense layer behind it.

    Raises:
        ClassMapError: the network does not end in a mean and one dense layer.
    """
    # A Sequential model has no list of its nodes.
    steps = _walk_back(make_functional(model), lambda tensor: tensor)
    dense, _ = _skip(steps, _ACTIVATIONS)
    if not isinstance(dense, keras.layers.Dense):
        raise ClassMapError(NO_MEAN)
    pooling, find_input = _skip(steps, _IDENTITIES)
    if isinstance(pooling, keras.layers.GlobalMaxPooling2D):
        raise ClassMapError(MAXIMUM)
    if not isinstance(pooling, keras.layers.GlobalAveragePooling2D) or pooling.data_format != "channels_last":
        raise ClassMapError(NO_MEAN)
    return find_input(), dense


def _skip(steps: Iterator[_Step], kinds: tuple[type, ...]) -> _Step:
    """Return the first layer of another kind, None at the end of the chain."""
    return next((step for step in steps if not isinstance(step[0], kinds)), (None, lambda: None))


def _walk_back(model: keras.Model, lift: Callable[[Any], Any]) -> Iterator[_Step]:
    """Yield the chain of layers from the output back, each with a function that returns its input.

    A model made elsewhere is a layer of its wrapper, and its base may be one of it: `lift` brings a tensor of a nested
    model into the outermost one.
    """
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    tensor = model.outputs[0]
    while True:
        node = next(node for node in nodes if any(output is tensor for output in node.outputs))
        if len(node.input_tensors) != 1:
            return
        (tensor,) = node.input_tensors
        if isinstance(node.operation, keras.Model):
            inner = make_functional(node.operation)
            yield from _walk_back(inner, partial(_lift, lift, inner, tensor))
        else:
            yield node.operation, partial(lift, tensor)


def _lift(lift: Callable[[Any], Any], inner: keras.Model, outside: Any, inside: Any) -> Any:
    """Bring a tensor inside of a nested model, which is called with `outside`, into the outermost model."""
    return lift(keras.Model(inner.inputs, inside)(outside))
