"""Artifact → MemoryUse: the arena of a file in TensorFlow Lite Micro, and its layers."""

from edgetl.core.microcontroller.arena import compute_scratch_bytes
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Artifact
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.workspace import Workspace
from edgetl.engines.tflite import layers
from edgetl.engines.tflm import memory


def measure_memory(_work: Workspace, artifact: Artifact) -> MemoryUse:
    """Measure what a file needs on a microcontroller.

    Raises:
        StageError: TensorFlow Lite Micro does not run the file.
    """
    arena, tested_bytes = memory.measure_arena(artifact.path)
    operators = layers.measure_layers(artifact.path)
    return MemoryUse(
        artifact_sha256=artifact.sha256,
        arena=arena,
        tested_bytes=tested_bytes,
        scratch_bytes=compute_scratch_bytes(operators),
        version=installed_version("tflite-micro"),
        layers=operators,
        features=layers.describe_features(artifact.path),
    )
