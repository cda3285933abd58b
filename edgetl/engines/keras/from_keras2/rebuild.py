"""`SavedGraph` → a functional model of Keras 3 with the same layers, weights and outputs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.network.keras2_names import IDENTITIES, RENAMED_FUNCTIONS
from edgetl.engines.keras.from_keras2 import wrappers as _wrappers  # noqa: F401  (adds its layers to the table)
from edgetl.engines.keras.from_keras2.channel_order import fold_reversed_channels
from edgetl.engines.keras.from_keras2.functions import FUNCTIONS_OF_TENSORFLOW
from edgetl.engines.keras.from_keras2.layers import translate_layer
from edgetl.engines.keras.from_keras2.operators import apply_operator
from edgetl.engines.keras.from_keras2.translation import Translation
from edgetl.engines.keras2_graph import SavedCall, SavedGraph, SavedLayer, decode_argument

# Layers that predict at random, or from the other photos of the batch, when they are called with training=True.
_RANDOM = (IDENTITIES | {"BatchNormalization", "RandomCrop"}) - {
    "ActivityRegularization",
    "AddLoss",
    "AddMetric",
    "Identity",
}
_HINT = "replace it with layers of Keras that do the same, load the weights, and save the model again"


def rebuild_model(graph: SavedGraph) -> keras.Model:
    """Build the network of a graph in Keras 3.

    Returns:
        A functional model without nested models that computes in float32.

    Raises:
        ConfigError: a layer that cannot be carried over; names it.
    """
    graph = fold_reversed_channels(graph)
    tensors: dict[int, Any] = {}
    for entry in graph.inputs:
        tensors[entry.tensor] = keras.Input(
            entry.shape, name=f"image_{entry.tensor}", dtype=entry.dtype if "int" in entry.dtype else "float32"
        )
    inputs = [tensors[entry.tensor] for entry in graph.inputs]
    builder = _Builder(graph, tensors)
    for call in graph.calls:
        builder.add_call(call)
    return keras.Model(inputs, [tensors[number] for number in graph.outputs])


class _Builder:
    """Adds calls to a network; a layer that is called twice is built once."""

    def __init__(self, graph: SavedGraph, tensors: dict[int, Any]) -> None:
        self._graph, self._tensors = graph, tensors
        self._translations: dict[int, Translation] = {}
        self._names: set[str] = set()
        self._named = {id(tensor._keras_history.operation) for tensor in tensors.values()}

    def add_call(self, call: SavedCall) -> None:
        """Add a call, and store the tensors that it outputs."""
        layer = self._graph.layers[call.layer]
        try:
            outputs = self._apply(call, layer)
        except ConfigError:
            raise
        # Whatever Keras 3 raises for the arguments of Keras 2 means that the layer cannot be carried over.
        except Exception as error:
            raise ConfigError(
                f"layer {layer} of Keras 2 cannot be carried over to Keras 3: {first_line(error)}", hint=_HINT
            ) from error
        self._name_operations(outputs, layer.name)
        values = [outputs] if len(call.outputs) == 1 else keras.tree.flatten(outputs)
        self._tensors.update(zip(call.outputs, values, strict=True))

    def _apply(self, call: SavedCall, layer: SavedLayer) -> Any:
        args = [self._decode(value) for value in call.args]
        kwargs = {name: value for name, value in call.kwargs.items() if value is not None and name != "name"}
        if kwargs.pop("training", None) and layer.class_name in _RANDOM:
            raise ConfigError(
                f"layer {layer} is called with training=True, so that the model predicts at random",
                hint="build the model again with training=False, load its weights, and save it",
            )
        arguments = {name: self._decode(value) for name, value in kwargs.items()}
        if layer.class_name in ("TFOpLambda", "SlicingOpLambda"):
            function = layer.config["function"]
            return FUNCTIONS_OF_TENSORFLOW[RENAMED_FUNCTIONS.get(function, function)](*args, **arguments)
        if layer.class_name == "TensorFlowOpLayer":
            return apply_operator(layer.config, keras.tree.flatten(args))
        translation = self._translations.get(call.layer)
        if translation is None:
            translation = self._translations[call.layer] = translate_layer(layer)
            outputs = translation(*args, **arguments)
            if translation.weights:
                _set_weights(translation)
            return outputs
        return translation(*args, **arguments)

    def _decode(self, value: Any) -> Any:
        return decode_argument(value, self._tensors.__getitem__, self._graph.arrays)

    def _name_operations(self, outputs: Any, name: str) -> None:
        """Name the operations that a call has added after the layer in the file; with numbers if there are several."""
        added = []
        waiting = [tensor for tensor in keras.tree.flatten(outputs) if isinstance(tensor, keras.KerasTensor)]
        while waiting:
            operation = waiting.pop()._keras_history.operation
            if id(operation) not in self._named:
                self._named.add(id(operation))
                added.append(operation)
                waiting += operation._inbound_nodes[-1].input_tensors
        # A slash and a dot separate scopes.
        plain = name.replace("/", "_").replace(".", "_") or "layer"
        for operation in reversed(added):
            unique, number = plain, 1
            while unique in self._names:
                unique, number = f"{plain}_{number}", number + 1
            self._names.add(unique)
            operation.name = unique


def _set_weights(translation: Translation) -> None:
    first: Callable[..., Any] = translation.layers[0]
    assert isinstance(first, keras.layers.Layer)
    first.set_weights([np.asarray(weight, np.float32) for weight in translation.weights])
