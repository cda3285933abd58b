"""Features beside the scores of a file: a record of both that is read back, and what is read of it."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.records import Scores
from edgetl.core.rejection.feature_files import ScoresWithFeatures, find_feature_files, write_features_beside
from edgetl.core.storage.files import hash_file


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.npy"
    np.save(path, np.float32([[0.25, 0.75]]))
    return Scores(
        path=path,
        sha256=hash_file(path),
        model_sha256="model",
        part="test",
        kernels="litert-xnnpack",
        photos=1,
        accelerated=True,
        invoke_ms=1.5,
        disturbed=False,
    )


def test_features_are_written_beside_the_scores_and_read_with_them(scores, tmp_path):
    written = write_features_beside(scores, np.float64([[1, 2, 3]]))
    assert written.contents() == {path: hash_file(path) for path in (scores.path, tmp_path / "features.npy")}
    (files,) = find_feature_files(ScoresWithFeatures.from_json(written.to_json(tmp_path), tmp_path))
    assert (files.model_sha256, files.part) == ("model", "test")
    both = files.read()
    assert np.array_equal(both.scores, [[0.25, 0.75]]) and np.array_equal(both.features, [[1, 2, 3]])
    assert both.features.dtype == np.float32


def test_a_file_without_features_has_no_second_file(scores, tmp_path):
    written = write_features_beside(scores, None)
    assert written.contents() == scores.contents() and not written.features_path.exists()
    assert find_feature_files(written) == find_feature_files(scores) == ()
    # The record of a judge, or of a version without features.
    assert ScoresWithFeatures.from_json(scores.to_json(tmp_path), tmp_path) == written


def test_a_damaged_file_is_an_error(scores):
    (files,) = find_feature_files(write_features_beside(scores, np.zeros((1, 3))))
    files.features.write_bytes(b"no array")
    with pytest.raises(ConfigError, match="cannot be read"):
        files.read()
