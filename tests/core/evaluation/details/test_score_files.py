"""Predictions of a model as the file of a record."""

import numpy as np

from edgetl.core.device.host_latency import HostLatency
from edgetl.core.evaluation.details.score_files import write_predictions, write_scores
from edgetl.core.parallel import Predictions
from edgetl.core.storage.files import hash_file


def test_one_sigmoid_output_becomes_two_columns(built, tmp_path):
    artifact = built.targets[0].artifact
    predictions = Predictions(
        raw=np.uint8([[64], [192]]),
        scores=np.float32([[0.25], [0.75]]),
        latency=HostLatency(ms=1.5, disturbed=True),
        accelerated=True,
    )
    scores = write_predictions(tmp_path, artifact, "test", predictions, "kernels")
    assert (scores.photos, scores.kernels, scores.invoke_ms, scores.disturbed) == (2, "kernels", 1.5, True)
    assert (scores.model_sha256, scores.sha256) == (artifact.sha256, hash_file(scores.path))
    np.testing.assert_array_equal(np.load(scores.path), np.float32([[0.75, 0.25], [0.25, 0.75]]))


def test_scores_are_float32(tmp_path):
    assert np.load(write_scores(np.zeros((2, 3)), tmp_path)).dtype == np.float32
