"""What TensorFlow Lite Micro's allocator prints."""

import pytest

from edgetl.core.microcontroller.memory import parse_allocations

TEXT = """a line of another program
[RecordingMicroAllocator] Arena allocation total 920736 bytes
[RecordingMicroAllocator] Arena allocation head 768000 bytes
[RecordingMicroAllocator] Arena allocation tail 152736 bytes
[RecordingMicroAllocator] 'TfLiteEvalTensor data' used 4296 bytes with alignment overhead (requested 4296 bytes for 179 allocations)
[RecordingMicroAllocator] 'NodeAndRegistration struct' used 4416 bytes with alignment overhead (requested 4416 bytes for 69 NodeAndRegistration structs)
"""  # noqa: E501


def test_totals_and_structures_are_read():
    use = parse_allocations(TEXT)
    assert (use.total_bytes, use.head_bytes, use.tail_bytes) == (920736, 768000, 152736)
    assert [(row.name, row.bytes, row.count) for row in use.allocations] == [
        ("TfLiteEvalTensor data", 4296, 179),
        ("NodeAndRegistration struct", 4416, 69),
    ]


@pytest.mark.parametrize("text", ["", TEXT.replace("tail", "rest")])
def test_text_without_totals_is_an_error(text):
    with pytest.raises(ValueError, match="printed no totals"):
        parse_allocations(text)


def test_the_arena_of_a_device_has_the_scratch_memory_beside_what_was_tested(memory):
    assert memory.arena_bytes == 5168 and memory.multiplications == 30
