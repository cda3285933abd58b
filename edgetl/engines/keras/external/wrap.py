"""Wraps an external model: raw uint8 RGB in, probabilities in the order of the classes out."""

from typing import Any

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.agreement import check_close
from edgetl.core.network.input_scaling import Affine, InputScaling
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import rescaling
from edgetl.engines.keras.build import SCORES
from edgetl.engines.keras.external.outputs import OutputKind, predict_raw
from edgetl.engines.keras.external.scaling import (
    find_built_in_scaling,
    list_consumers,
    make_functional,
    read_affine,
)

# Largest allowed difference between the probabilities of the wrapped model and those of the model in the file.
_TOLERANCE = 1e-4


def wrap_model(model: keras.Model, scaling: InputScaling, kind: OutputKind, order: tuple[int, ...]) -> keras.Model:
    """Wrap a model so that it takes raw uint8 RGB and outputs probabilities.

    This changes weights of `model`: of its first convolution if it takes BGR, of its last layer if the order of the
    outputs differs from that of the classes.

    Args:
        model: from `load_external`.
        scaling: the scaling that the model needs. Built-in scaling layers are moved in front of the model.
        kind: from `classify_outputs`; the softmax or sigmoid that logits lack is added.
        order: for each class, the index of its output.

    Returns:
        A model from uint8 [photos, height, width, 3] to float32 [photos, units].

    Raises:
        ConfigError: BGR or another order of the classes, and no layer whose weights could be reordered.
    """
    built_in = find_built_in_scaling(model)
    affine = built_in.affine if built_in else scaling.affine
    network_input = built_in.output if built_in else model.inputs[0]
    if scaling.bgr:
        _convert_to_rgb(model, network_input)
        # The values of a built-in scaling are in the order BGR, those of --scaling in the order RGB.
        affine = Affine(_reverse(affine.scale), _reverse(affine.offset)) if built_in else affine
    if order != tuple(range(len(order))):
        _reorder_outputs(model, order)
    image = keras.Input((*keras_model.read_input_size(model), 3), dtype="uint8", name="image")
    body = keras.Model(network_input, model.outputs[0], name="body") if built_in else model
    # A fixed name, because the file contains it, and Keras would number an unnamed model.
    body.name = "body"
    scores = body(rescaling.make_rescaling(affine)(image))
    if kind == "softmax logits":
        scores = keras.layers.Softmax(name=SCORES)(scores)
    if kind == "sigmoid logits":
        scores = keras.layers.Activation("sigmoid", name=SCORES)(scores)
    return keras.Model(image, scores, name="classifier")


def check_wrapped(model: keras.Model, pixels: np.ndarray, expected: np.ndarray) -> None:
    """Check that a wrapped model predicts what the model in the file does.

    Args:
        model: from `wrap_model`.
        pixels: uint8 [photos, height, width, 3].
        expected: probabilities of the model in the file, float [photos, classes], in the order of the classes.

    Raises:
        StageError: the largest difference is 1e-4 or more.
    """
    scores = metrics.expand_sigmoid(predict_raw(model, pixels))
    check_close(scores, expected, _TOLERANCE, error=("the wrapped model differs from the model in the file", ""))


def _convert_to_rgb(model: keras.Model, tensor: Any) -> None:
    """Reverse the input channels of the first convolution after a tensor.

    Raises:
        ConfigError: a layer before the convolution treats the channels differently, or there is no convolution.
    """
    while len(consumers := list_consumers(model, tensor)) == 1:
        layer = consumers[0].operation
        # A grouped convolution ties each output channel to certain input channels.
        if isinstance(layer, keras.layers.Conv2D) and layer.groups == 1:
            rescaling.reverse_input_channels(layer)
            return
        if isinstance(layer, keras.Model):
            nested = make_functional(layer)
            _convert_to_rgb(nested, nested.inputs[0])
            return
        affine = read_affine(layer)
        same_for_channels = affine is not None and all(value.ndim == 0 for value in affine)
        if not same_for_channels and not isinstance(layer, keras.layers.ZeroPadding2D | keras.layers.Dropout):
            break
        tensor = consumers[0].outputs[0]
    raise ConfigError(
        "the model takes BGR photos, and its first layer is not a convolution whose weights could be reordered for RGB",
        hint="reverse the channels inside the model, and save it again",
    )


def _reorder_outputs(model: keras.Model, order: tuple[int, ...]) -> None:
    """Put the outputs into the order of the classes by reordering the weights of the last Dense layer.

    Raises:
        ConfigError: the last layer with weights is not a Dense layer.
    """
    activations = keras.layers.Activation | keras.layers.Softmax
    last = next((layer for layer in reversed(model.layers) if not isinstance(layer, activations)), None)
    if isinstance(last, keras.Model):
        _reorder_outputs(last, order)
        return
    if not isinstance(last, keras.layers.Dense):
        raise ConfigError(
            "the labels are in another order than the class folders, and the model does not end in a Dense layer",
            hint="rename the class folders so that their alphabetical order is the order of the outputs",
        )
    # One sigmoid unit p predicts (1 - p, p). In the other order it is 1 - p, the sigmoid of the negative sum.
    weights = [-weight if last.units == 1 else weight[..., list(order)] for weight in last.get_weights()]
    last.set_weights(weights)


def _reverse(value: float | tuple[float, ...]) -> float | tuple[float, ...]:
    return value[::-1] if isinstance(value, tuple) else value
