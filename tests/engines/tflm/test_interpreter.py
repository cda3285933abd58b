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


def test_layers_give_the_integers_of_the_reference_kernels(tflite_files):
    """LiteRT rounds the sums of a dense layer once and TensorFlow Lite Micro twice: they differ by 1 in rare cases."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from tflite_micro.python.tflite_micro import runtime

    path = tflite_files["int8"]
    reference = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    reference.allocate_tensors()
    keep = runtime.InterpreterConfig.kPreserveAllTensors
    micro = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=2**24, intrepreter_config=keep)
    image = reference.get_input_details()[0]
    for photo in np.random.default_rng(0).integers(0, 256, (20, *image["shape"]), dtype=image["dtype"]):
        reference.set_tensor(image["index"], photo)
        micro.set_input(photo, 0)
        reference.invoke()
        micro.invoke()
        for node in reference._get_ops_details():
            index = int(node["outputs"][0])
            expected = reference.get_tensor(index).astype(int).ravel()
            difference = np.abs(np.ravel(micro.GetTensor(index, 0)["tensor_data"]).astype(int) - expected).max()
            assert difference <= (1 if node["op_name"] == "FULLY_CONNECTED" else 0), node["op_name"]
            if difference:
                # What follows has other inputs.
                break
