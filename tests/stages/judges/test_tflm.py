"""The stage that scores an artifact on TensorFlow Lite Micro."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.run.workspace import Workspace

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")


def test_scores_are_those_of_the_reference_kernels(pipeline, built, shared_dataset, tmp_path):
    from edgetl.stages.judges.tflm import score_on_tflm

    artifact = pipeline.files.make("tflite", "int8")
    photos = PhotoSet(part="test", photos=shared_dataset.test, input_spec=built.trained.input)
    scores = score_on_tflm(Workspace(tmp_path, Console(quiet=True)), artifact, photos)
    assert (scores.kernels, scores.photos, scores.part) == ("tflm", len(shared_dataset.test), "test")
    reference = pipeline.scores.score(artifact, "test", "reference")
    np.testing.assert_array_equal(np.load(scores.path), np.load(reference.path))
