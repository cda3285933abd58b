import numpy as np
import onnx
import onnxruntime
import pytest

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.engines.onnx import runtime
from edgetl.engines.onnx.features import add_features, predict_features

METHOD_NAMES = [name for name, row in METHODS.items() if "onnx" in row.formats and not row.float_layers]


def run(content, photos, kernels):
    """Run all photos: the outputs of each, in the order of the file."""
    options = runtime.make_session_options(kernels)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    outputs = [session.run(None, {session.get_inputs()[0].name: photo[None]}) for photo in photos]
    return [np.concatenate(output) for output in zip(*outputs, strict=True)]


@pytest.mark.parametrize(
    ("method", "kernels"),
    [
        pytest.param(method, kernels, marks=pytest.mark.slow if kernels == "reference" and method != "int8" else ())
        for method in METHOD_NAMES
        for kernels in ("onnxruntime", "reference")
    ],
)
def test_scores_stay_and_features_are_the_pooled_ones(onnx_files, small_model, photo_array, method, kernels):
    keras = pytest.importorskip("keras")
    content = onnx_files[method].read_bytes()
    (before,) = run(content, photo_array, kernels)
    scores, features = run(add_features(content)[1], photo_array, kernels)
    np.testing.assert_array_equal(scores, before)
    model = small_model()
    pooled = np.asarray(keras.Model(model.input, model.get_layer("pooling").output)(photo_array))
    assert features.dtype == np.float32
    assert np.abs(features - pooled).max() <= 0.05 * pooled.max()


def test_outputs_have_names(onnx_files):
    model = onnx.load_model_from_string(add_features(onnx_files["int8"].read_bytes())[1])
    assert [output.name for output in model.graph.output] == ["scores", "features"]
    assert [dim.dim_value for dim in model.graph.output[1].type.tensor_type.shape.dim] == [1, 128]


def test_network_without_a_dense_layer_has_no_features(onnx_files):
    model = onnx.load_model_from_string(add_features(onnx_files["float32"].read_bytes())[1])
    # The pooled features as the only output.
    del model.graph.output[0]
    with pytest.raises(StageError, match="no pooled features"):
        add_features(model.SerializeToString())


@pytest.mark.parametrize("method", ["float32", "int8"])
def test_both_outputs_are_predicted_in_photo_order(onnx_files, photo_array, as_pixels, tmp_path, method):
    from edgetl.engines.onnx import runtime

    path, kernels = tmp_path / "model.onnx", "onnxruntime"
    path.write_bytes(add_features(onnx_files[method].read_bytes())[1])
    counts: list[int] = []
    both = predict_features(path, as_pixels(photo_array), kernels, counts.append)
    assert sum(counts) == len(photo_array) and both.features.shape == (len(photo_array), 128)
    # A file with features is scored as any other.
    expected = runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
    np.testing.assert_array_equal(both.scores, expected)
    last = predict_features(path, as_pixels(photo_array[-1:]), kernels, lambda _: None)
    np.testing.assert_array_equal(both.features[-1], last.features[0])


def test_file_without_features_is_an_error(onnx_files, photo_array, as_pixels):
    with pytest.raises(StageError, match="no second output"):
        predict_features(onnx_files["float32"], as_pixels(photo_array), "reference", lambda _: None)
