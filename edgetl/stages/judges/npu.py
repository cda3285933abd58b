"""Artifact → NpuFile: the file compiled for an NPU, with what the compiler computes for it."""

from edgetl.core.microcontroller.npu import NPUS, NpuFile, NpuName
from edgetl.core.records import Artifact
from edgetl.core.run.workspace import Workspace
from edgetl.engines.vela import compiler


def compile_for_npu(work: Workspace, artifact: Artifact, npu: NpuName) -> NpuFile:
    """Compile a file for an NPU.

    Raises:
        StageError: Vela does not compile the file.
    """
    return compiler.compile_file(artifact, NPUS[npu], work.folder)
