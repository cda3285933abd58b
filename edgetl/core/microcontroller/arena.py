"""The size of the arena on a microcontroller, from what was measured on this 64-bit machine.

Three things differ there. Pointers have 4 bytes and not 8, so that structures are smaller: the measured size is an
upper bound for them. The kernels of CMSIS-NN need scratch memory, which the reference kernels do not: its upper bound
is added. Tensors start at multiples of 16 bytes in both.
"""

from collections.abc import Iterable

from edgetl.core.microcontroller.memory import ArenaUse, SizedLayer

ALIGNMENT_BYTES = 16
# Bytes that a structure loses with 4-byte pointers. Sources: tensorflow/lite/core/c/common.h, TfLiteEvalTensor has two
# pointers and an enumeration; tensorflow/lite/micro/micro_graph.h, NodeAndRegistration has seven pointers and one
# integer, and pads it.
_SAVED_BYTES = {"TfLiteEvalTensor data": 12, "NodeAndRegistration struct": 32}
# For each layer with scratch memory, CMSIS-NN's kernels keep an index, and the allocator a handle.
_HANDLE_BYTES = 16
# Source: CMSIS-NN, Include/Internal/arm_nn_compiler.h and arm_nnsupportfunctions.h, CH_IN_BLOCK_MVE.
_MVE_CHANNELS = 124


def round_up(count: int, multiple: int = ALIGNMENT_BYTES) -> int:
    """Round a number of bytes up to a multiple."""
    return -(-count // multiple) * multiple


def compute_pointer_saving(arena: ArenaUse) -> int:
    """Return by how many bytes, at least, the arena is smaller where pointers have 4 bytes."""
    return sum(_SAVED_BYTES.get(row.name, 0) * row.count for row in arena.allocations)


def compute_scratch_bytes(layers: Iterable[SizedLayer]) -> int:
    """Return an upper bound of what CMSIS-NN's kernels need beside the tensors, on any Cortex-M.

    Scratch memory is in use during one layer only, and the arena shares it. So the largest counts, and a handle for
    each. Source: CMSIS-NN, arm_convolve_get_buffer_sizes_s8.c, arm_depthwise_conv_get_buffer_sizes_s8.c,
    arm_fully_connected_get_buffer_sizes_s8.c, arm_avgpool_get_buffer_sizes_s8.c, with the larger size of the DSP and
    the MVE kernels.
    """
    sizes = [size for size in map(_compute_layer_scratch, layers) if size]
    return round_up(max(sizes, default=0)) + round_up(_HANDLE_BYTES * len(sizes))


def _compute_layer_scratch(layer: SizedLayer) -> int:
    (height, width), channels = layer.kernel, layer.input_shape[-1] if layer.input_shape else 0
    columns = height * width * channels
    if layer.type == "CONV_2D":
        # Two columns of int16 for DSP, four of int8 in lanes of 16 for MVE.
        return max(2 * 2 * round_up(columns, 4), 4 * round_up(columns, 16))
    if layer.type == "DEPTHWISE_CONV_2D":
        return max(2 * columns, 4 * _MVE_CHANNELS * height * width)
    if layer.type == "FULLY_CONNECTED":
        return 4 * layer.output_shape[-1]
    if layer.type in ("AVERAGE_POOL_2D", "MEAN"):
        return 4 * channels
    return 0
