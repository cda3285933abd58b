"""Reads and changes the constants of a .tflite file, and cuts parts out of it."""

import copy
from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgetl.engines.tflite.graph_file import pack_model, read_kind, unpack_model

_OPERATORS = schema.BuiltinOperator
_WEIGHTED = (_OPERATORS.CONV_2D, _OPERATORS.DEPTHWISE_CONV_2D, _OPERATORS.FULLY_CONNECTED)
_DTYPES: dict[int, type] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT32: np.int32,
}


class TFLiteGraph:
    """The content of a .tflite file as an object that can be changed."""

    def __init__(self, content: bytes) -> None:
        self._model = unpack_model(content)
        self._graph = self._model.subgraphs[0]
        self.operators: list[schema.OperatorT] = list(self._graph.operators)

    def find_kind(self, operator: schema.OperatorT) -> int:
        """Return the builtin code of an operator."""
        return read_kind(self._model.operatorCodes[operator.opcodeIndex])

    def list_weighted(self) -> list[int]:
        """List the positions of operators with constant weights."""
        return [
            place
            for place, operator in enumerate(self.operators)
            if self.find_kind(operator) in _WEIGHTED and self.is_constant(operator.inputs[1])
        ]

    def get_tensor(self, index: int) -> schema.TensorT:
        """Return a tensor."""
        return self._graph.tensors[index]

    def is_constant(self, index: int) -> bool:
        """Return whether the file contains the values of a tensor."""
        data = self._model.buffers[self._graph.tensors[index].buffer].data
        return data is not None and len(data) > 0

    def count_uses(self, index: int) -> int:
        """Count the inputs of operators that have the same buffer as a tensor."""
        buffer = self._graph.tensors[index].buffer
        inputs = (tensor for operator in self.operators for tensor in operator.inputs if tensor >= 0)
        return sum(self._graph.tensors[tensor].buffer == buffer for tensor in inputs)

    def read(self, index: int) -> np.ndarray:
        """Return the values of a constant."""
        tensor = self._graph.tensors[index]
        data = np.asarray(self._model.buffers[tensor.buffer].data, np.uint8)
        return np.frombuffer(data.tobytes(), _DTYPES[tensor.type]).reshape(tensor.shape)

    def write(self, index: int, values: np.ndarray, scales: Sequence[float] = ()) -> None:
        """Replace the values of a constant, and its scales if there are new ones."""
        tensor = self._graph.tensors[index]
        self._model.buffers[tensor.buffer].data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        if len(scales):
            tensor.quantization.scale = list(scales)

    def separate(self, place: int, position: int) -> None:
        """Give an operator a copy of a constant that other operators have, too.

        Args:
            place: of the operator.
            position: of the constant among its inputs; absent inputs and constants with one use stay as they are.
        """
        operator = self.operators[place]
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            return
        index = operator.inputs[position]
        if self.count_uses(index) <= 1:
            return
        tensor = copy.deepcopy(self._graph.tensors[index])
        self._model.buffers.append(copy.deepcopy(self._model.buffers[tensor.buffer]))
        tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        inputs = list(operator.inputs)
        inputs[position] = len(self._graph.tensors) - 1
        operator.inputs = inputs

    def pack(self, outputs: Sequence[int] = (), operators: int | None = None) -> bytes:
        """Serialize the file, or a part of it.

        Args:
            outputs: tensors that the part outputs; none for the whole file.
            operators: number of operators that the part has.
        """
        graph, model = self._graph, self._model
        whole = graph.outputs, graph.operators, model.signatureDefs
        if outputs:
            graph.outputs, graph.operators, model.signatureDefs = list(outputs), self.operators[:operators], []
        content = pack_model(model)
        graph.outputs, graph.operators, model.signatureDefs = whole
        return content
