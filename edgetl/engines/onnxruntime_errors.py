"""The exceptions of onnxruntime, for all code that runs a graph."""

from onnxruntime.capi import onnxruntime_pybind11_state as errors

# They derive from Exception directly.
RUNTIME_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NotImplemented,
    errors.RuntimeException,
)
