"""The arena of a file, measured in a child process."""

import pytest

from edgetl.core.errors import StageError
from edgetl.engines.tflm.memory import explain_tflm_failure, measure_arena

TFLM = "tflite-micro is not installed: pip install 'edgetl[micro]'"


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("noise\nDidn't find op for builtin opcode 'GELU'\nmore", 1, "it has no kernel for GELU"),
        ("\n  Failed to allocate temp memory.  \nmore", 1, "Failed to allocate temp memory."),
        ("", -6, "its process ended with -6 and no message"),
    ],
)
def test_the_reason_is_found_in_what_was_printed(text, code, reason):
    assert explain_tflm_failure(text, code) == reason


def test_the_arena_is_at_least_what_was_recorded(tflite_files):
    pytest.importorskip("tflite_micro", reason=TFLM)
    use, size = measure_arena(tflite_files["int8"])
    assert use.total_bytes == use.head_bytes + use.tail_bytes <= size < use.total_bytes + 8 * 1024
    assert size % 16 == 0 and use.allocations


def test_a_damaged_file_is_an_error(tmp_path):
    pytest.importorskip("tflite_micro", reason=TFLM)
    path = tmp_path / "model.tflite"
    path.write_bytes(b"no model at all, and long enough for a header" * 4)
    with pytest.raises(StageError, match="TensorFlow Lite Micro cannot run the file"):
        measure_arena(path)
