import onnxruntime
import pytest

from edgetl.engines.onnxruntime_errors import RUNTIME_ERRORS


def test_content_that_is_no_graph_raises_one_of_them():
    with pytest.raises(RUNTIME_ERRORS):
        onnxruntime.InferenceSession(b"no graph", providers=["CPUExecutionProvider"])
