"""Splits with an output that no operator uses, in a float .tflite file → slices for the other outputs.

TFLite's quantizer leaves such a split in float in some files and quantizes it in others, although they are made from
the same bytes. A recurrent layer has one in its first step, where the state is 0.
"""

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgetl.engines.tflite.graph_file import pack_model, read_kind, unpack_model

_OPERATORS = schema.BuiltinOperator
# Position of the divided tensor among the inputs.
_SPLITS = {_OPERATORS.SPLIT: 1, _OPERATORS.SPLIT_V: 0}


def replace_splits(content: bytes) -> bytes:
    """Return the file with slices instead of splits with unused outputs; the same bytes if it has no such split."""
    model = unpack_model(content)
    codes = [read_kind(code) for code in model.operatorCodes]
    changed = False
    for graph in model.subgraphs:
        used = {*graph.outputs, *(index for operator in graph.operators for index in operator.inputs)}
        operators: list[schema.OperatorT] = []
        for operator in graph.operators:
            position = _SPLITS.get(codes[operator.opcodeIndex])
            if position is None or used.issuperset(operator.outputs):
                operators.append(operator)
            else:
                operators += _make_slices(model, graph, operator.inputs[position], operator.outputs, used)
                changed = True
        graph.operators = operators
    return pack_model(model) if changed else content


def _make_slices(
    model: schema.ModelT, graph: schema.SubGraphT, divided: int, outputs: np.ndarray, used: set[int]
) -> Iterator[schema.OperatorT]:
    """Yield a slice for each used output, and take the range from the others, which no operator outputs any more."""
    lengths = [np.array(graph.tensors[index].shape, np.int32) for index in outputs]
    axis = int(np.argmax(lengths[0] != graph.tensors[divided].shape))
    start = np.zeros_like(lengths[0])
    for index, length in zip(outputs, lengths, strict=True):
        if index in used:
            constants = [_add_constant(model, graph, values) for values in (start, length)]
            yield schema.OperatorT(
                opcodeIndex=_find_slice(model),
                inputs=[divided, *constants],
                outputs=[index],
                builtinOptionsType=schema.BuiltinOptions.SliceOptions,
                builtinOptions=schema.SliceOptionsT(),
            )
        else:
            graph.tensors[index].quantization = None
        start[axis] += length[axis]


def _add_constant(model: schema.ModelT, graph: schema.SubGraphT, values: np.ndarray) -> int:
    """Add a constant, int32 [axes], to the file; return its index."""
    model.buffers.append(schema.BufferT(data=np.frombuffer(values.tobytes(), np.uint8)))
    graph.tensors.append(
        schema.TensorT(
            name=f"slice/{len(graph.tensors)}".encode(),
            shape=[len(values)],
            type=schema.TensorType.INT32,
            buffer=len(model.buffers) - 1,
        )
    )
    return len(graph.tensors) - 1


def _find_slice(model: schema.ModelT) -> int:
    """Return the index of the code of SLICE in the file, which is added if it is missing."""
    for index, code in enumerate(model.operatorCodes):
        if read_kind(code) == _OPERATORS.SLICE:
            return index
    model.operatorCodes.append(
        schema.OperatorCodeT(builtinCode=_OPERATORS.SLICE, deprecatedBuiltinCode=_OPERATORS.SLICE, version=1)
    )
    return len(model.operatorCodes) - 1
