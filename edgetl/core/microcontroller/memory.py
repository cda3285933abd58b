"""Records of what a file needs on a microcontroller, and the text of TFLM's allocator that they are read from."""

import re

from edgetl.core.microcontroller.lookup_tables import CompressedFile
from edgetl.core.microcontroller.npu import NpuFile
from edgetl.core.record import Record
from edgetl.core.records import TensorSpec

_TOTAL = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_ALLOCATION = re.compile(r"'([^']+)' used (\d+) bytes .*\(requested (\d+) bytes for (\d+) ")


class SizedLayer(Record):
    """An operator of a file. `kernel` is height and width of its filter, and (0, 0) of an operator without one."""

    name: str
    type: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel: tuple[int, int]
    multiplications: int


class Allocation(Record):
    """A kind of structure in the arena: its name, the bytes of all of them, and their number."""

    name: str
    bytes: int
    count: int


class ArenaUse(Record):
    """The bytes of the arena. `head` is that of the tensors, `tail` that of what is kept beside them."""

    total_bytes: int
    head_bytes: int
    tail_bytes: int
    allocations: tuple[Allocation, ...]


class MemoryUse(Record):
    """What one file needs in TensorFlow Lite Micro.

    Attributes:
        artifact_sha256: of the file.
        arena: as its recording allocator gives it on this 64-bit machine.
        tested_bytes: size of an arena in which the file has predicted a photo here.
        scratch_bytes: at most so much more is needed by the kernels of CMSIS-NN.
        version: of the package tflite-micro.
        layers: the operators in the order of the file.
        features: the second output; none for a file with one output.
        compressed: the file with look-up tables; none for a method without clusters, or where nothing is saved.
        npu: the file compiled for an NPU; none for a target without one.
    """

    artifact_sha256: str
    arena: ArenaUse
    tested_bytes: int
    scratch_bytes: int
    version: str
    layers: tuple[SizedLayer, ...]
    features: tuple[TensorSpec, ...] = ()
    compressed: tuple[CompressedFile, ...] = ()
    npu: tuple[NpuFile, ...] = ()

    @property
    def arena_bytes(self) -> int:
        """The size of the arena that the generated files declare."""
        return self.tested_bytes + self.scratch_bytes

    @property
    def multiplications(self) -> int:
        """Multiplications and additions of one photo."""
        return sum(layer.multiplications for layer in self.layers)


def parse_allocations(text: str) -> ArenaUse:
    """Read what TensorFlow Lite Micro's recording allocator prints.

    Raises:
        ValueError: the text has no totals.
    """
    totals = {name: int(count) for name, count in _TOTAL.findall(text)}
    if totals.keys() != {"total", "head", "tail"}:
        raise ValueError("the allocator of TensorFlow Lite Micro printed no totals")
    return ArenaUse(
        total_bytes=totals["total"],
        head_bytes=totals["head"],
        tail_bytes=totals["tail"],
        allocations=tuple(
            Allocation(name=name, bytes=int(used), count=int(count))
            for name, used, _, count in _ALLOCATION.findall(text)
        ),
    )
