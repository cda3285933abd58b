"""What a file needs on a microcontroller, as a stage."""

import pytest

from edgetl.core.console import Console
from edgetl.core.run.workspace import Workspace


def test_memory_of_a_file_with_features(pipeline, tmp_path):
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")
    from edgetl.stages.judges.memory import measure_memory

    artifact = pipeline.files.make("tflite", "int8")
    memory = measure_memory(Workspace(tmp_path, Console(quiet=True)), artifact)
    assert memory.artifact_sha256 == artifact.sha256 and memory.version != "absent"
    assert memory.arena_bytes > memory.arena.total_bytes and memory.scratch_bytes > 0
    assert sum(1 for _ in memory.layers) == sum(artifact.operators.values())
    assert [tensor.shape[-1] for tensor in memory.features] == ([artifact.features] if artifact.features else [])
