"""Tables about microcontrollers: two networks beside ST's figures, NPUs, and the networks that fit into boards."""

from typing import Any

from edgetl.core.device.limits import check_memory
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.device.targets import list_targets
from edgetl.core.microcontroller.fit import list_fitting
from edgetl.core.microcontroller.memory import MemoryUse, SizedLayer
from edgetl.core.microcontroller.memory_table import describe_memory
from edgetl.core.microcontroller.npu import NPUS
from edgetl.core.records import Artifact
from tools.results_files import Results, Row
from tools.tables.markdown import format_number, format_table

# Source: https://github.com/STMicroelectronics/stm32ai-modelzoo, image_classification/mobilenetv2/README.md: "MobileNet
# v2 0.35 fft", flowers, int8, 128x128x3, STM32Cube.AI 10.0.0. Runtime RAM and code flash are not included.
_ST = ("MobileNetV2 0.35 at 128 px, ST", "", "", "", "237 KiB", "407 KiB", "94.3 at 400 MHz, measured by ST")
_KIB = 1024


def render_micro(results: Results) -> str:
    """Return one row per network, and that of ST."""
    return format_networks(results.rows)


def format_networks(rows: list[Row]) -> str:
    """Return verdict, accuracies, memory and estimated latency of each network."""
    columns = ["network", "verdict", "accuracy, Keras → TFLM", "photos unequal to the reference kernels", "arena"]
    columns += ["file", "ms on STM32H747"]
    cells = [
        [
            row["network"],
            row["outcome"],
            f"{row['keras_accuracy']:.4f} → {row['accuracy']:.4f}",
            f"{row['unequal_photos']} of {row['photos']}",
            _format_kib(row["arena_bytes"]),
            _format_kib(row["model_bytes"]),
            f"{format_number(row['low_ms'])} … {format_number(row['high_ms'])} at 480 MHz, estimate",
        ]
        for row in rows
    ]
    return format_table(columns, [*cells, _ST])


def render_npus(results: Results) -> str:
    """Return one row per network and NPU, with Vela's figures."""
    columns = ["network", "NPU", "SRAM", "flash", "cycles", "ms, Vela's estimate", "operators on the NPU"]
    return format_table(
        columns,
        [
            [
                row["network"],
                NPUS[npu["npu"]].title,
                _format_kib(npu["sram_bytes"]),
                _format_kib(npu["flash_bytes"]),
                f"{npu['cycles']:,}",
                f"{npu['estimated_ms']:.2f} at {npu['clock_hz'] / 1e6:.0f} MHz",
                f"{npu['operators'] - len(npu['fallback'])} of {npu['operators']}",
            ]
            for row in results.rows
            for npu in row["npus"]
        ],
    )


def render_boards(results: Results) -> str:
    """Return one row per board: the largest side of each network that fits, in px."""
    networks = [(row["base"], row["alpha"]) for row in results.rows]
    rows = []
    for target in list_targets():
        limits = target.limits
        if limits.arena_bytes is not None:
            fitting = {
                (base, alpha): side
                for base, alpha, side in list_fitting(limits.arena_bytes, limits.flash_bytes, features=True)
            }
            rows.append([f"`{target.id}`", *(str(fitting.get(network, "none")) for network in networks)])
    return format_table(["target", *(f"{base} {alpha:g}" for base, alpha in networks)], rows)


def render_summary(results: Results) -> str:
    """Return the lines of a build's summary for the first network."""
    row = results.rows[0]
    artifact, memory = _rebuild_records(row)
    return format_table(
        [f"the summary of {results.rows[0]['network']}"], [[line] for line in describe_memory(memory, artifact)]
    )


def render_message(results: Results) -> str:
    """Return the message about the first network where 100,000 bytes of arena are allowed."""
    artifact, memory = _rebuild_records(results.rows[0])
    message = check_memory((memory,), artifact, LimitsTable(arena_bytes=100_000))
    return format_table(["a message of the ladder"], [[message]])


def _rebuild_records(row: Row) -> tuple[Artifact, MemoryUse]:
    """Return records with the fields that the sentences have."""
    artifact: dict[str, Any] = {
        "method": "int8",
        "bytes": row["model_bytes"],
        "features": int(row["flash_bytes"] > row["model_bytes"]),
    }
    layer: dict[str, Any] = {"multiplications": row["multiplications"]}
    memory: dict[str, Any] = {
        "tested_bytes": row["arena_measured_bytes"],
        "scratch_bytes": row["arena_bytes"] - row["arena_measured_bytes"],
        "version": row["tflite_micro"],
        "layers": (SizedLayer.model_construct(**layer),),
    }
    return Artifact.model_construct(**artifact), MemoryUse.model_construct(**memory)


def _format_kib(count: int) -> str:
    return f"{count / _KIB:,.0f} KiB"
