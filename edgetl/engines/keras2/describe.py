"""A model of Keras 2 → `SavedGraph`: the layers of nested models are called one by one. Child process only."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.engines.keras2_graph import SavedCall, SavedGraph, SavedInput, SavedLayer

# Arguments of every layer that decide nothing when it predicts.
_DROPPED = ("_initializer", "_regularizer", "_constraint")
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda")


def describe_keras2(model: tf_keras.Model) -> SavedGraph:
    """Describe a functional or Sequential model and its weights."""
    # The weights of a frozen layer are listed in another order.
    model.trainable = True
    describer = _Describer()
    inputs = tuple(
        SavedInput(tensor=describer.count_tensor(), shape=list(tensor.shape[1:]), dtype=tensor.dtype.name)
        for tensor in model.inputs
    )
    outputs = describer.add_model(model, [entry.tensor for entry in inputs], {})
    return SavedGraph(
        layers=tuple(describer.layers),
        calls=tuple(describer.calls),
        inputs=inputs,
        outputs=tuple(outputs),
        arrays=tuple(describer.arrays),
    )


class _Describer:
    """Collects layers and calls. Tensors are numbered in the order in which they are computed."""

    def __init__(self) -> None:
        self.layers: list[SavedLayer] = []
        self.calls: list[SavedCall] = []
        self.arrays: list[np.ndarray] = []
        self._layer_indices: dict[int, int] = {}
        self._tensors = 0

    def count_tensor(self) -> int:
        self._tensors += 1
        return self._tensors - 1

    def add_model(self, model: tf_keras.Model, inputs: list[int], mode: dict[str, Any]) -> list[int]:
        """Add the calls of a model's layers; `mode` is {"training": True} if the model is called so."""
        if isinstance(model, tf_keras.Sequential):
            outputs = inputs
            for layer in model.layers:
                outputs = self._call(layer, [{"tensor": outputs[0]}], dict(mode), 1)
            return outputs
        numbers = dict(zip(map(id, model.inputs), inputs, strict=True))
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                tensors = tf.nest.flatten(node.outputs)
                args, kwargs = self._encode_arguments(node, numbers)
                outputs = self._call(node.layer, args, {**mode, **kwargs}, len(tensors))
                numbers.update(zip(map(id, tensors), outputs, strict=True))
        return [numbers[id(tensor)] for tensor in model.outputs]

    def _encode_arguments(self, node: Any, numbers: Mapping[int, int]) -> tuple[list[Any], dict[str, Any]]:
        """Encode the arguments of a call: the first one of a layer by position, all others by name."""
        layer, names = node.layer, list(node.layer._call_spec.arg_names)
        args = [self._encode(value, numbers) for value in node.call_args]
        kwargs = {key: self._encode(value, numbers) for key, value in node.call_kwargs.items()}
        first = 0 if type(layer).__name__ in _OPERATIONS else 1
        return args[:first], {**dict(zip(names[first:], args[first:], strict=False)), **kwargs}

    def _call(self, layer: Any, args: list[Any], kwargs: dict[str, Any], outputs: int) -> list[int]:
        if isinstance(layer, tf_keras.layers.InputLayer):
            return [_read_number(args[0])]
        if isinstance(layer, tf_keras.Model):
            mode = {"training": True} if kwargs.get("training") else {}
            return self.add_model(layer, _list_numbers(args), mode)
        numbers = [self.count_tensor() for _ in range(outputs)]
        self.calls.append(SavedCall(layer=self._add_layer(layer), args=args, kwargs=kwargs, outputs=numbers))
        return numbers

    def _add_layer(self, layer: Any) -> int:
        index = self._layer_indices.get(id(layer))
        if index is None:
            index = self._layer_indices[id(layer)] = len(self.layers)
            weights = tuple(np.asarray(weight) for weight in layer.get_weights())
            self.layers.append(
                SavedLayer(
                    name=layer.name, class_name=type(layer).__name__, config=_read_config(layer), weights=weights
                )
            )
        return index

    def _encode(self, value: Any, numbers: Mapping[int, int]) -> Any:
        """Encode an argument: see `keras2_graph`."""
        if id(value) in numbers and hasattr(value, "_keras_history"):
            return {"tensor": numbers[id(value)]}
        if isinstance(value, list | tuple) and not isinstance(value, tf.TensorShape):
            entries = [self._encode(entry, numbers) for entry in value]
            return {"tuple": entries} if isinstance(value, tuple) else entries
        if isinstance(value, Mapping):
            if set(value) == {"start", "stop", "step"}:
                return {"slice": [self._encode(value[key], numbers) for key in ("start", "stop", "step")]}
            return {"dict": {str(key): self._encode(entry, numbers) for key, entry in value.items()}}
        return self._encode_leaf(value)

    def _encode_leaf(self, value: Any) -> Any:
        if isinstance(value, tf.Tensor | np.ndarray | tf.Variable):
            self.arrays.append(np.asarray(value))
            return {"array": len(self.arrays) - 1}
        if isinstance(value, tf.TensorShape):
            return value.as_list()
        if isinstance(value, tf.DType):
            return value.name
        if isinstance(value, np.generic):
            return value.item()
        if value is Ellipsis:
            return {"ellipsis": True}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"an argument of type {type(value).__name__}")


def _read_number(argument: Any) -> int:
    return _list_numbers(argument)[0]


def _list_numbers(value: Any) -> list[int]:
    """List the tensors in an encoded argument, in the order of `tf.nest.flatten`."""
    if isinstance(value, Mapping):
        if set(value) == {"tensor"}:
            return [value["tensor"]]
        entries: Iterable[Any] = (value[key] for key in sorted(value))
        return [number for entry in entries for number in _list_numbers(entry)]
    return [number for entry in value for number in _list_numbers(entry)] if isinstance(value, list) else []


def _read_config(layer: Any) -> dict[str, Any]:
    """Return the arguments of a layer as JSON values, in the style that `configuration` describes."""
    if type(layer).__name__ in _OPERATIONS:
        return {"function": layer.symbol}
    config: dict[str, Any] = _simplify(layer.get_config())
    if isinstance(layer, tf_keras.layers.Normalization):
        # The values that the layer computes with, given or adapted.
        config |= {"mean": np.asarray(layer.mean).tolist(), "variance": np.asarray(layer.variance).tolist()}
    return config


def _simplify(value: Any) -> Any:  # noqa: PLR0911  (one for each kind of value)
    """Convert a configuration that Keras 2 returned to JSON values without names of modules."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "function" or ("registered_name" in value and callable(value.get("config"))):
            return value["config"]
        if isinstance(value.get("class_name"), str) and "config" in value:
            if value["class_name"] in ("__numpy__", "__tensor__"):
                return value["config"]["value"]
            return {"class_name": value["class_name"], "config": _simplify(value["config"])}
        return {key: _simplify(entry) for key, entry in value.items() if not str(key).endswith(_DROPPED)}
    if isinstance(value, list | tuple):
        return [_simplify(entry) for entry in value]
    if isinstance(value, tf.TensorShape):
        return value.as_list()
    if isinstance(value, np.ndarray | np.generic | tf.Tensor):
        return np.asarray(value).tolist()
    if isinstance(value, tf.DType):
        return value.name
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
