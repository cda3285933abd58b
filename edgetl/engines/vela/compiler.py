"""Compiles a .tflite file for an NPU in a child process, and reads back what Vela computes for it."""

import hashlib
from pathlib import Path

from ethosu.vela import __version__

from edgetl.core.errors import StageError
from edgetl.core.microcontroller.npu import Npu, NpuFile, list_fallback, parse_vela_summary
from edgetl.core.records import Artifact
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, LARGEST_RECORD_BYTES, read_regular
from edgetl.engines.processes.child import make_child_command
from edgetl.engines.processes.run import run_child
from edgetl.engines.tflite.graph_file import list_named_operators

_MEMORY_BYTES, _LIMIT_S = 8 * 2**30, 600
_CONFIGURATION = "Arm/vela.ini"


def compile_file(artifact: Artifact, npu: Npu, folder: Path) -> NpuFile:
    """Compile a file, and write the result into a folder.

    Args:
        artifact: the plain file.
        npu: what to compile for.
        folder: an existing one.

    Raises:
        StageError: Vela does not compile the file, or its files cannot be read.
    """
    code, text = _run_vela(artifact.path, npu, folder)
    compiled = folder / f"{artifact.path.stem}_vela.tflite"
    # Source: Vela, OPTIONS.md: the summary is named after the file and the system.
    summary = folder / f"{artifact.path.stem}_summary_{npu.system}.csv"
    if code or not compiled.is_file() or not summary.is_file():
        raise StageError(f"Vela cannot compile the file: {explain_vela_failure(text, code)}", where=(artifact.path,))
    try:
        figures = parse_vela_summary(read_regular(summary, LARGEST_RECORD_BYTES).decode("utf-8", "replace"))
    except ValueError as error:
        raise StageError(str(error), where=(summary,)) from error
    content = read_regular(compiled, LARGEST_MODEL_BYTES)
    return NpuFile(
        npu=npu.name,
        path=compiled,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        artifact_sha256=artifact.sha256,
        figures=figures,
        version=__version__,
        operators=sum(artifact.operators.values()),
        fallback=list_fallback(list_named_operators(content)),
    )


def explain_vela_failure(text: str, code: int) -> str:
    """Return the reason in what Vela printed, or the exit code of its process."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [f"its process ended with {code} and no message"])[-1]


def _run_vela(path: Path, npu: Npu, folder: Path) -> tuple[int, str]:
    command = [
        *make_child_command("edgetl.engines.vela", str(_MEMORY_BYTES), str(_LIMIT_S), str(path)),
        *("--accelerator-config", npu.name, "--config", _CONFIGURATION, "--system-config", npu.system),
        *("--memory-mode", npu.memory_mode, "--output-dir", str(folder)),
    ]
    return run_child(command, _LIMIT_S)
