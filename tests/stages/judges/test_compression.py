"""The stage that compresses a file by look-up tables and judges it."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import StageError
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.run.workspace import Workspace

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")


def test_scores_are_those_of_the_plain_file_or_an_error(pipeline, built, shared_dataset, tmp_path):
    from edgetl.stages.judges.compression import compress_artifact

    artifact = pipeline.files.make("tflite", "int8")
    photos = PhotoSet(part="test", photos=shared_dataset.test, input_spec=built.trained.input)
    plain = pipeline.scores.score(artifact, "test", "tflm")
    work = Workspace(tmp_path, Console(quiet=True))
    compressed = compress_artifact(work, artifact, photos, plain)
    assert (compressed.photos, compressed.artifact_bytes) == (len(shared_dataset.test), artifact.bytes)
    assert compressed.path.stat().st_size == compressed.bytes and compressed.tested_bytes > 0
    changed = np.load(plain.path)
    changed[0, 0] += 0.5
    np.save(tmp_path / "changed.npy", changed)
    with pytest.raises(StageError, match="other scores than the plain file"):
        compress_artifact(work, artifact, photos, plain.model_copy(update={"path": tmp_path / "changed.npy"}))
