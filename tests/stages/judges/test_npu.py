"""The stage that compiles a file for an NPU."""

import pytest

from edgetl.core.console import Console
from edgetl.core.run.workspace import Workspace


def test_the_compiled_file_is_in_the_folder_of_the_stage(pipeline, tmp_path):
    pytest.importorskip("ethosu", reason="Vela is not installed: pip install 'edgetl[ethos]'")
    from edgetl.stages.judges.npu import compile_for_npu

    artifact = pipeline.files.make("tflite", "int8")
    compiled = compile_for_npu(Workspace(tmp_path, Console(quiet=True)), artifact, "ethos-u65-256")
    assert compiled.artifact_sha256 == artifact.sha256 and compiled.path.parent == tmp_path
    assert compiled.operators == sum(artifact.operators.values()) and compiled.share == 1
