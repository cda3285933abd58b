"""Look-up tables: which weights become smaller, and the sentences about the file."""

import numpy as np
import pytest

from edgetl.core.microcontroller.lookup_tables import (
    CompressedFile,
    choose_index_bits,
    describe_compression,
    summarize_compression,
    write_compressed_files,
)


def draw_weights(channels, weights, values):
    row = np.arange(weights) % values
    return np.tile(row.astype(np.int8), (channels, 1)).reshape(channels, 1, 1, weights)


@pytest.mark.parametrize(
    ("channels", "weights", "values", "bits"),
    [
        (64, 256, 16, 4),
        (64, 256, 17, 5),
        (64, 256, 1, 1),
        (64, 2048, 128, 7),
        (64, 256, 129, 0),  # An index has 7 bits at most.
        (64, 256, 100, 0),  # Tables of 100 bytes take more than one bit of 256 indices saves.
        (64, 16, 4, 0),  # Scale and zero point of each channel are stored once more.
        (1, 256, 2, 0),
    ],
)
def test_weights_are_compressed_where_they_become_smaller(channels, weights, values, bits):
    assert choose_index_bits(draw_weights(channels, weights, values)) == bits


@pytest.fixture
def compressed(tmp_path):
    return CompressedFile(
        path=tmp_path / "model.tflite",
        sha256="1" * 64,
        bytes=254_256,
        artifact_sha256="0" * 64,
        artifact_bytes=310_960,
        tensors=10,
        tested_bytes=106_288,
        photos=661,
    )


def test_sentence_json_and_files(compressed, tmp_path):
    sentence = describe_compression(compressed)
    assert sentence.startswith("look-up tables: 254,256 bytes instead of 310,960, the weights of 10 layers compressed;")
    assert sentence.endswith("the scores of all 661 test photos are the same")
    assert summarize_compression(compressed) == {
        "bytes": 254_256,
        "tensors": 10,
        "tested_bytes": 106_288,
        "photos": 661,
    }
    files = write_compressed_files(compressed, b"model")
    assert files["look-up-tables/model.tflite"] == b"model" and sentence.encode() in files["look-up-tables/README.md"]
    assert CompressedFile.from_json(compressed.to_json(tmp_path), tmp_path) == compressed
    assert compressed.contents() == {tmp_path / "model.tflite": "1" * 64}
