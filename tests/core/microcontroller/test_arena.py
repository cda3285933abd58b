"""Size of the arena: what pointers save, and what kernels add."""

import pytest

from edgetl.core.microcontroller.arena import compute_pointer_saving, compute_scratch_bytes, round_up
from tests.core.microcontroller.conftest import make_layer


def test_pointers_of_4_bytes_save_half_of_two_structures(memory):
    assert compute_pointer_saving(memory.arena) == 10 * 12 + 3 * 32


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # 3 * 3 * 16 columns: 2 rows of int16 for DSP, 4 of int8 for MVE, both 576; and a handle.
        (make_layer("CONV_2D"), 576 + 16),
        # 27 columns: 4 rows of 32 lanes are more than 2 of 28 int16.
        (make_layer("CONV_2D", input_shape=(1, 8, 8, 3)), 128 + 16),
        # 124 channels of MVE are more than 16 of DSP.
        (make_layer("DEPTHWISE_CONV_2D"), 4 * 124 * 9 + 16),
        (make_layer("DEPTHWISE_CONV_2D", input_shape=(1, 8, 8, 1024)), 2 * 9 * 1024 + 16),
        (make_layer("FULLY_CONNECTED", output_shape=(1, 5)), 32 + 16),
        (make_layer("MEAN"), 64 + 16),
        (make_layer("ADD"), 0),
    ],
)
def test_scratch_memory_is_the_larger_one_of_two_sets_of_kernels(layer, expected):
    assert compute_scratch_bytes([layer]) == expected


def test_layers_share_their_scratch_memory():
    assert compute_scratch_bytes([make_layer("CONV_2D"), make_layer("MEAN"), make_layer("ADD")]) == 576 + 32
    assert compute_scratch_bytes([]) == 0


def test_sizes_are_rounded_up():
    assert [round_up(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]
