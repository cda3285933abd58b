"""Reads the content of a .tflite file as records, and writes it back."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_FILE_IDENTIFIER = b"TFL3"
_TYPES = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def unpack_model(content: bytes) -> schema.ModelT:
    """Read the content of a file as records that can be changed."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def pack_model(model: schema.ModelT) -> bytes:
    """Make the content of a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())


def read_kind(code: schema.OperatorCodeT) -> int:
    """Return the number of a builtin operator from its code in a file."""
    # Files of earlier versions have the number in the first field, whose highest value is 127.
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def list_named_operators(content: bytes) -> list[tuple[str, str]]:
    """List type and name of the first output of each operator of a file; the type of a custom one is its code."""
    model = unpack_model(content)
    operators = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            kind = code.customCode.decode() if code.customCode else _TYPES[read_kind(code)]
            operators.append((kind, graph.tensors[operator.outputs[0]].name.decode("utf-8", "replace")))
    return operators
