"""The stage that scores an artifact in a headless browser."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.run.workspace import Workspace

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'edgetl[browser]'")


def test_scores_are_those_of_the_engine(pipeline, built, shared_dataset, tmp_path, monkeypatch):
    from edgetl.engines.browser import predict
    from edgetl.engines.tflite import runtime
    from edgetl.stages.judges.browser import score_in_browser

    def predict_here(artifact, photos, advance):
        return runtime.predict_file(artifact.path, photos, "xnnpack", advance)

    monkeypatch.setattr(predict, "predict_in_browser", predict_here)
    artifact = pipeline.files.make("tflite", "int8")
    photos = PhotoSet(part="test", photos=shared_dataset.test, input_spec=built.trained.input)
    scores = score_in_browser(Workspace(tmp_path, Console(quiet=True)), artifact, photos, "a hash")
    assert (scores.kernels, scores.photos, scores.part) == ("litert.js-browser", len(shared_dataset.test), "test")
    reference = pipeline.scores.score(artifact, "test", "xnnpack")
    np.testing.assert_array_equal(np.load(scores.path), np.load(reference.path))
