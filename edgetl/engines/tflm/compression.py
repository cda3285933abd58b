"""Compresses the weights of a .tflite file by look-up tables, with the tool of TensorFlow Lite Micro."""

import io
from contextlib import redirect_stderr

import numpy as np
from tflite_micro.tensorflow.lite.micro.compression import SpecBuilder, compress
from tflite_micro.tensorflow.lite.micro.compression.spec import PerChannel
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgetl.core.microcontroller.lookup_tables import choose_index_bits

# Their weights are the second input, with the output channels first.
_KINDS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)


def compress_content(content: bytes) -> tuple[bytes, int]:
    """Compress the weights that look-up tables make smaller.

    Returns:
        The content of the compressed file and the number of compressed weights; the same content and 0 where no weights
        become smaller.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    (graph,) = model.subgraphs
    bits: dict[int, int] = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) in _KINDS:
            index = int(operator.inputs[1])
            bits[index] = _choose_bits(graph.tensors[index], model.buffers)
    specification = SpecBuilder()
    chosen = {index: count for index, count in bits.items() if count}
    if not chosen:
        return content, 0
    for index, count in chosen.items():
        specification = specification.add_tensor(subgraph=0, tensor=index).with_lut(count, PerChannel(axis=0))
    with redirect_stderr(io.StringIO()):
        return bytes(compress(content, specification.build())), len(chosen)


def _choose_bits(tensor: schema.TensorT, buffers: list[schema.BufferT]) -> int:
    data = buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.INT8 or data is None:
        return 0
    return choose_index_bits(np.frombuffer(bytes(data), np.int8).reshape(tensor.shape))
