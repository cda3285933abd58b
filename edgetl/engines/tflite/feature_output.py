"""Adds the pooled features of a .tflite file as its second output.

The file is edited, not converted again: its operators, weights and quantization stay what they were, so its scores are
the same bit for bit. A program that reads one output goes on working.
"""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edgetl.core.errors import StageError
from edgetl.core.model_file import FEATURES

_OPERATORS = schema.BuiltinOperator
# Operators of a head: between the pooling and the scores.
_HEAD_OPERATORS = frozenset(
    {
        _OPERATORS.FULLY_CONNECTED,
        _OPERATORS.SOFTMAX,
        _OPERATORS.LOGISTIC,
        _OPERATORS.QUANTIZE,
        _OPERATORS.DEQUANTIZE,
        _OPERATORS.CAST,
        _OPERATORS.RELU,
    }
)
_FILE_IDENTIFIER = b"TFL3"


def add_feature_output(content: bytes) -> bytes:
    """Make the input of the first dense layer of the head the second output of a file.

    Args:
        content: of a .tflite file with one output, without a second one.

    Returns:
        The content with the outputs scores and features, [1, features] in the dtype of the layer.

    Raises:
        StageError: the network does not end in dense layers.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    features = _find_features(model, graph)
    graph.outputs = [*graph.outputs, features]
    for signature in model.signatureDefs or []:
        tensor_map = schema.TensorMapT()
        tensor_map.name, tensor_map.tensorIndex = FEATURES, features
        signature.outputs = [*signature.outputs, tensor_map]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())


def _find_features(model: schema.ModelT, graph: schema.SubGraphT) -> int:
    """Return the index of the tensor that the first dense layer of the head consumes."""
    producers = {index: operator for operator in graph.operators for index in operator.outputs}
    tensor, features = graph.outputs[0], None
    while (operator := producers.get(tensor)) is not None:
        code = model.operatorCodes[operator.opcodeIndex]
        # Files of older converters have the code in the deprecated field alone.
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in _HEAD_OPERATORS:
            break
        tensor = operator.inputs[0]
        if kind == _OPERATORS.FULLY_CONNECTED:
            features = tensor
    if features is None:
        raise StageError("the network does not end in dense layers, so it has no pooled features")
    return int(features)
