"""Files of Keras 2: they predict in Keras 3 what they predicted in Keras 2; code and incomplete files are errors."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external import legacy_h5
from edgetl.engines.keras.external.load import load_external


@pytest.fixture(scope="module")
def files(make_once, keras2) -> Path:
    """A folder with files that Keras 2 wrote: see `keras2_files.py`."""
    return make_once(
        "keras2-files", lambda folder: keras2("tests.engines.keras.external.keras2_files.write_files", folder)
    )


@pytest.mark.parametrize("name", ["flat", "nested"])
def test_scores_are_those_of_keras_2(files, name):
    reference = np.load(files / "scores.npz")
    scores = np.asarray(load_external(files / f"{name}.h5").predict_on_batch(reference["photos"]))
    assert np.abs(scores - reference[name]).max() < 1e-6
    assert np.abs(reference[name] - reference[name][0]).max() > 0


@pytest.mark.parametrize(
    ("name", "match"),
    [("lambda", "Lambda layer: Python code"), ("operation", "TFOpLambda"), ("weights", "weights only")],
)
def test_file_that_cannot_be_used_is_an_error(files, name, match):
    with pytest.raises(ConfigError, match=match) as error:
        load_external(files / f"{name}.h5")
    assert error.value.hint


def test_file_that_is_no_hdf5_is_an_error(tmp_path):
    (tmp_path / "text.h5").write_bytes(b"no model")
    (tmp_path / "copy").mkdir()
    with pytest.raises(ConfigError, match=r"not a \.h5 file that can be read"):
        legacy_h5.translate_h5(tmp_path / "text.h5", tmp_path / "copy")
