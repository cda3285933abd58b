"""Reads the content of a .tflite file as records, and writes it back."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_FILE_IDENTIFIER = b"TFL3"


def unpack_model(content: bytes) -> schema.ModelT:
    """Read the content of a file as records that can be changed."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def pack_model(model: schema.ModelT) -> bytes:
    """Make the content of a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())
