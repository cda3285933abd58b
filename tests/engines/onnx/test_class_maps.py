import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import correlate_maps
from edgetl.core.methods import METHODS
from edgetl.engines.keras_class_maps import compute_keras_maps
from edgetl.engines.onnx.class_maps import compute_class_maps
from edgetl.engines.onnx.runtime import predict_file

METHOD_NAMES = [name for name, row in METHODS.items() if "onnx" in row.formats and not row.float_layers]


@pytest.fixture(scope="module")
def keras_maps(small_model, photo_array, as_pixels):
    return compute_keras_maps(small_model(), as_pixels(photo_array))


def test_maps_of_a_float32_file_give_its_scores(onnx_files, keras_maps, photo_array, as_pixels):
    path, counts = onnx_files["float32"], []
    maps = compute_class_maps(path, as_pixels(photo_array), counts.append)
    assert sum(counts) == 30 and maps.maps.shape == (30, 8, 8, 3)
    np.testing.assert_allclose(maps.compute_logits(), keras_maps.compute_logits(), atol=1e-4)
    exponents = np.exp(maps.compute_logits())
    scores = predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None).scores
    np.testing.assert_allclose(exponents / exponents.sum(axis=1, keepdims=True), scores, atol=1e-4)
    np.testing.assert_allclose(maps.maps, keras_maps.maps, atol=1e-4)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_maps_of_each_method_are_like_those_of_keras(onnx_files, keras_maps, photo_array, as_pixels, method):
    maps = compute_class_maps(onnx_files[method], as_pixels(photo_array[::5]))
    labels = keras_maps.compute_logits().argmax(axis=1)[::5]
    correlations = [
        correlate_maps(keras_maps.select(5 * row, label), maps.select(row, label)) for row, label in enumerate(labels)
    ]
    assert np.mean(correlations) >= 0.95, correlations
    assert abs(maps.compute_logits() - keras_maps.compute_logits()[::5]).max() < 0.1
