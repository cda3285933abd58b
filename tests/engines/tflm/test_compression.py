"""Compression of weights by look-up tables: the outputs stay the same."""

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")


def cluster_dense_layer(content):
    """Return the content with few different weights in the dense layer, as many as make it worth a table."""
    from edgetl.engines.tflite.graph_file import pack_model, unpack_model

    model = unpack_model(content)
    (graph,) = model.subgraphs
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) == 9:  # FULLY_CONNECTED
            buffer = model.buffers[graph.tensors[operator.inputs[1]].buffer]
            weights = np.frombuffer(bytes(buffer.data), np.int8)
            buffer.data = np.frombuffer((weights // 64 * 64).astype(np.int8).tobytes(), np.uint8)
    return pack_model(model)


def test_weights_without_savings_stay(tflite_files):
    from edgetl.engines.tflm.compression import compress_content

    content = tflite_files["int8"].read_bytes()
    assert compress_content(content) == (content, 0)


@pytest.mark.filterwarnings("ignore:Compression of tensor")
def test_the_outputs_of_a_compressed_file_are_the_same(tflite_files, monkeypatch):
    from edgetl.engines.tflm import compression
    from edgetl.engines.tflm.interpreter import open_tflm_interpreter

    # The layers of this network are too small for tables.
    monkeypatch.setattr(compression, "choose_index_bits", lambda weights: 2 if len(np.unique(weights)) <= 4 else 0)
    plain = cluster_dense_layer(tflite_files["int8"].read_bytes())
    compressed, tensors = compression.compress_content(plain)
    assert tensors == 1 and compressed != plain
    interpreters = [open_tflm_interpreter(content, tflite_files["int8"]) for content in (plain, compressed)]
    details = interpreters[0].get_input_details(0)
    for photo in np.random.default_rng(0).integers(0, 256, (5, *details["shape"]), dtype=details["dtype"]):
        outputs = []
        for interpreter in interpreters:
            interpreter.set_input(photo, 0)
            interpreter.invoke()
            outputs.append(interpreter.get_output(0).copy())
        np.testing.assert_array_equal(*outputs)
