"""runtimes.py: each format is answered by its own engine."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.formats import FORMATS
from edgetl.engines import backends
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime


def test_every_format_has_its_engine(built_both, photo_array, as_pixels):
    pixels, engines = as_pixels(photo_array[:4]), {"tflite": tflite_runtime, "onnx": onnx_runtime}
    assert set(engines) == set(FORMATS) == set(backends._ENGINES)
    for built in built_both.targets:
        form = FORMATS[built.artifact.format]
        ran = backends.predict_with(built.artifact.path, pixels, form.fast_kernels, lambda _: None)
        own = engines[form.name].predict(built.artifact.path, pixels, form.fast_kernels, lambda _: None)
        np.testing.assert_array_equal(ran.scores, own.scores)


def test_a_name_of_no_format(tmp_path, photo_array, as_pixels):
    path = tmp_path / "model.keras"
    path.touch()
    with pytest.raises(ConfigError, match="does not end in"):
        backends.predict_with(path, as_pixels(photo_array[:1]), "xnnpack", lambda _: None)
