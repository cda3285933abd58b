"""Neural processing units (NPUs) beside a Cortex-M: their table, and what Arm's compiler Vela computes for a file.

Vela estimates the cycles from a model of the NPU and of its memories; nothing is measured. The verdict on a file is
that of the plain file on TensorFlow Lite Micro: the compiled file does not run on this machine.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from edgetl.core.errors import MissingPackage
from edgetl.core.record import PathInside, Record

NpuName = Literal["ethos-u55-128", "ethos-u65-256", "ethos-u85-256"]
VELA = "ethos-u-vela"
INSTALL_VELA = "pip install 'edgetl[ethos]'"
# Type of the operator into which Vela compiles a part of a file.
NPU_OPERATOR = "ethos-u"
_KIB = 1024

_PAGE = """\
# The model for the NPU

`model_vela.tflite` is `../model.tflite`, compiled by Arm's Vela.

{facts}

To use it, replace the bytes in `src/model.c` and their number in `src/model.h` by those of `model_vela.tflite`, and
register its operators in `src/op_resolver.h`: `AddEthosU()`{others}. Link TFLM with its Ethos-U kernel, and Arm's
driver. The arena needs the SRAM above: `src/arena.h` is for the plain file. The self-check compares the NPU with the
build.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Npu:
    """An NPU, by the options of Vela.

    Attributes:
        name: the accelerator of Vela, in which the last number is that of multiplications and additions a cycle.
        title: for people.
        system: clock and bandwidths, a section of Vela's own vela.ini.
        memory_mode: where constants and tensors are, another section.
    """

    name: NpuName
    title: str
    system: str
    memory_mode: str = "Shared_Sram"


# Systems with flash and without DRAM, as those of microcontrollers. Source: ethosu/config_files/Arm/vela.ini of Vela.
NPUS: dict[NpuName, Npu] = {
    npu.name: npu
    for npu in (
        Npu(name="ethos-u55-128", title="Arm Ethos-U55, 128 MAC", system="Ethos_U55_High_End_Embedded"),
        Npu(name="ethos-u65-256", title="Arm Ethos-U65, 256 MAC", system="Ethos_U65_Embedded"),
        Npu(name="ethos-u85-256", title="Arm Ethos-U85, 256 MAC", system="Ethos_U85_SYS_Flash_High"),
    )
}


class NpuFigures(Record):
    """What Vela computes for a file: bytes of its memories, cycles of one photo by its estimate, and the clock."""

    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    cycles: int
    clock_hz: int

    @property
    def ms(self) -> float:
        """Milliseconds of one photo, by Vela's estimate."""
        return self.cycles / self.clock_hz * 1000


class NpuFile(Record):
    """A file that Vela has compiled for an NPU.

    Attributes:
        npu: its name.
        path: the compiled file.
        sha256: of the compiled file.
        bytes: of the compiled file.
        artifact_sha256: of the plain file.
        figures: what Vela computes.
        version: of Vela.
        operators: number of operators of the plain file.
        fallback: those that the Cortex-M computes, each as its type and the name of its output.
    """

    npu: NpuName
    path: PathInside
    sha256: str
    bytes: int
    artifact_sha256: str
    figures: NpuFigures
    version: str
    operators: int
    fallback: tuple[str, ...]

    def contents(self) -> dict[Path, str]:
        """Map the compiled file to its sha256."""
        return {self.path: self.sha256}

    @property
    def share(self) -> float:
        """Share of the operators that the NPU computes, 0..1."""
        return 1 - len(self.fallback) / self.operators


def parse_vela_summary(text: str) -> NpuFigures:
    """Read the CSV file that Vela writes about a file.

    Raises:
        ValueError: it has no row, or lacks a column.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    if len(rows) != 1:
        raise ValueError(f"Vela's summary has {len(rows)} rows, and should have 1")
    row = rows[0]
    try:
        # Sizes are in KiB.
        flash = float(row["on_chip_flash_memory_used"]) + float(row["off_chip_flash_memory_used"])
        return NpuFigures(
            sram_bytes=round(float(row["sram_memory_used"]) * _KIB),
            dram_bytes=round(float(row["dram_memory_used"]) * _KIB),
            flash_bytes=round(flash * _KIB),
            cycles=round(float(row["cycles_total"])),
            clock_hz=round(float(row["core_clock"])),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"Vela's summary lacks a column: {error}") from error


def require_vela() -> None:
    """Check that Vela is installed. It loads nothing.

    Raises:
        MissingPackage: it is not.
    """
    if find_spec("ethosu") is None:
        raise MissingPackage(f"the target has an NPU, and {VELA} is not installed", hint=f"install it: {INSTALL_VELA}")


def describe_npu(file: NpuFile) -> list[str]:
    """Describe a compiled file in sentences, one a line."""
    figures, npu = file.figures, NPUS[file.npu]
    dram = f", {figures.dram_bytes:,} bytes of DRAM" if figures.dram_bytes else ""
    lines = [
        f"{npu.title}, compiled by Vela {file.version}: {figures.sram_bytes:,} bytes of SRAM, {figures.flash_bytes:,} "
        f"bytes of flash{dram}",
        f"Vela's estimate, not a measurement: {figures.cycles:,} cycles a photo, {figures.ms:.2f} ms at "
        f"{figures.clock_hz / 1e6:.0f} MHz ({npu.system}, {npu.memory_mode})",
        f"operators on the NPU: {file.operators - len(file.fallback)} of {file.operators} ({file.share:.0%})",
    ]
    lines += [f"on the Cortex-M: {name}" for name in file.fallback]
    return [*lines, "the verdict is on the plain file in TensorFlow Lite Micro: the NPU is not judged here"]


def summarize_npu(file: NpuFile) -> dict[str, Any]:
    """Return the figures for JSON."""
    return {
        "npu": file.npu,
        **file.figures.model_dump(),
        "estimated_ms": round(file.figures.ms, 4),
        "operators": file.operators,
        "fallback": list(file.fallback),
        "model_bytes": file.bytes,
        "vela": file.version,
    }


def list_fallback(operators: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """List the operators of a compiled file that are not on the NPU.

    Args:
        operators: type and name of the output of each operator of the compiled file.
    """
    # The converter joins the names of the operators that it has merged by semicolons: the first one is enough.
    names = (f"{kind} {name.partition(';')[0]}" for kind, name in operators if kind != NPU_OPERATOR)
    return tuple("".join(character if character.isprintable() else "?" for character in name) for name in names)


def write_npu_files(file: NpuFile, content: bytes) -> dict[str, bytes]:
    """Write the files, by their path in the bundle.

    Args:
        file: what is known of the compiled file.
        content: of the compiled file.
    """
    facts = "\n".join(f"- {line}" for line in describe_npu(file))
    others = ", and those of the operators on the Cortex-M" if file.fallback else ""
    page = _PAGE.format(facts=facts, others=others)
    return {"ethos-u/model_vela.tflite": content, "ethos-u/README.md": page.encode()}
