"""model.h, arena.h and op_resolver.h."""

from edgetl.core.microcontroller.model_files import write_arena_header, write_model_header, write_resolver_header


def test_a_title_cannot_end_a_comment(make_contents):
    header = write_model_header(make_contents())
    assert "A board * / of?mine" in header and '#define EDGETL_MODEL_SHA256 "abab' in header


def test_the_arena_is_what_was_tested_and_the_scratch_memory(make_contents):
    header = write_arena_header(make_contents())
    for line in ("EDGETL_ARENA_MEASURED_BYTES 5008u", "EDGETL_ARENA_SCRATCH_BYTES 160u", "EDGETL_ARENA_BYTES 5168u"):
        assert f"#define {line}\n" in header
    assert "tflite-micro 1.0:" in header and "216 bytes, which are a reserve" in header


def test_the_resolver_has_exactly_the_operators_of_the_file(make_contents):
    header = write_resolver_header(make_contents())
    assert "#define EDGETL_OPERATORS 2\n" in header
    assert [line.split("->")[1].split("(")[0] for line in header.splitlines() if "->" in line] == [
        "AddConv2D",
        "AddSoftmax",
    ]
