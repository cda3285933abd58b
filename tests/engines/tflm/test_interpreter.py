"""TensorFlow Lite Micro gives the integers of LiteRT's reference kernels for the test photos of the shared run."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.photos import pixel_store
from edgetl.engines.tflite import runtime

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")
from edgetl.engines.tflm import interpreter


@pytest.fixture
def test_set(built, shared_dataset):
    return pixel_store.open_pixels([photo.sha256 for photo in shared_dataset.test], built.trained.input)


def test_outputs_are_those_of_the_reference_kernels(pipeline, test_set):
    path = pipeline.files.make("tflite", "int8").path
    reference = runtime.predict_file(path, test_set, "reference", lambda _: None)
    seen = []
    predictions = interpreter.predict_on_tflm(path, test_set, seen.append)
    assert sum(seen) == len(test_set) and predictions.raw.dtype == reference.raw.dtype
    np.testing.assert_array_equal(predictions.raw, reference.raw)
    np.testing.assert_array_equal(predictions.scores, reference.scores)
    assert predictions.latency.ms > 0 and not predictions.accelerated


def test_a_file_with_an_operator_that_fails_is_an_error(pipeline, test_set):
    # Its first operator converts uint8 to float, which TensorFlow Lite Micro does not.
    path = pipeline.files.make("tflite", "float32").path
    with pytest.raises(StageError, match="TensorFlow Lite Micro cannot predict a photo"):
        interpreter.predict_on_tflm(path, test_set, lambda _: None)


def test_photos_of_another_side_are_an_error(pipeline, test_set):
    path = pipeline.files.make("tflite", "int8").path
    with pytest.raises(ConfigError, match="the model's input is"):
        interpreter.predict_on_tflm(path, _OtherSide(test_set), lambda _: None)


def test_an_arena_that_is_too_small_is_an_error(pipeline):
    path = pipeline.files.make("tflite", "int8").path
    with pytest.raises(StageError, match="TensorFlow Lite Micro cannot run the file"):
        interpreter.open_tflm_interpreter(path.read_bytes(), path, 1024)


class _OtherSide:
    """Photos of a side that no model has."""

    def __init__(self, photos):
        self.input_spec = photos.input_spec.model_copy(update={"height_px": 7, "width_px": 7})

    def __len__(self):
        return 1
