"""What a file needs on a microcontroller → lines and a table of boards for the summary of a build."""

from collections.abc import Sequence
from typing import Any

from edgetl.core.device.targets import Target
from edgetl.core.microcontroller.fit import count_flash_bytes
from edgetl.core.microcontroller.latency import describe_latency, format_latency
from edgetl.core.microcontroller.lookup_tables import describe_compression, summarize_compression
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.microcontroller.npu import describe_npu, summarize_npu
from edgetl.core.records import Artifact

BOARD_COLUMNS = ["target", "arena allowed", "flash allowed", "ms", "fits"]


def describe_memory(memory: MemoryUse, artifact: Artifact, targets: Sequence[Target] = ()) -> list[str]:
    """Describe the memory in sentences, one a line.

    Args:
        memory: what the file needs.
        artifact: the file.
        targets: those of `tabulate_fit`, for the sources of its estimates.
    """
    features = " and the features of training photos" if artifact.features else ""
    lines = [
        f"arena: {memory.arena_bytes:,} bytes: {memory.tested_bytes:,} in tflite-micro {memory.version} on this "
        f"machine, and at most {memory.scratch_bytes:,} for the kernels of CMSIS-NN",
        f"flash: {count_flash_bytes(artifact):,} bytes for the model{features}, beside the program",
        f"computation: {memory.multiplications / 1e6:,.1f} million multiplications and additions a photo",
    ]
    lines += [describe_compression(compressed) for compressed in memory.compressed]
    for compiled in memory.npu:
        lines += describe_npu(compiled)
    return lines + describe_latency({target.device.cpu for target in targets if target.device is not None})


def tabulate_fit(
    memory: MemoryUse, artifact: Artifact, targets: Sequence[Target]
) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the targets with a limit for the arena, and whether the file fits: title, columns and cells."""
    rows = []
    for target in targets:
        limits = target.limits
        if limits.arena_bytes is None:
            continue
        exceeded = [
            name
            for name, needed, allowed in (
                ("arena", memory.arena_bytes, limits.arena_bytes),
                ("flash", count_flash_bytes(artifact), limits.flash_bytes),
            )
            if allowed is not None and needed > allowed
        ]
        flash = "" if limits.flash_bytes is None else f"{limits.flash_bytes:,}"
        fits = f"no: {' and '.join(exceeded)}" if exceeded else "yes"
        latency = format_latency(target.device, memory.multiplications)
        rows.append([target.id, f"{limits.arena_bytes:,}", flash, latency, fits])
    return "boards that the file fits into, in bytes; milliseconds of a photo by estimate", BOARD_COLUMNS, rows


def summarize_memory(memory: MemoryUse, artifact: Artifact) -> dict[str, Any]:
    """Return the figures for JSON, without the list of layers."""
    return {
        "arena_bytes": memory.arena_bytes,
        "arena_measured_bytes": memory.tested_bytes,
        "arena_scratch_bytes": memory.scratch_bytes,
        "flash_bytes": count_flash_bytes(artifact),
        "multiplications": memory.multiplications,
        "tflite_micro": memory.version,
        "compressed": [summarize_compression(compressed) for compressed in memory.compressed],
        "npu": [summarize_npu(compiled) for compiled in memory.npu],
    }
