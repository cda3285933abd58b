import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import ClassMapError, correlate_maps
from edgetl.core.methods import METHODS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps
from edgetl.engines.tflite.class_maps import compute_class_maps
from edgetl.engines.tflite.runtime import predict_file

METHOD_NAMES = [name for name, row in METHODS.items() if "tflite" in row.formats and not row.float_layers]


@pytest.fixture(scope="module")
def keras_maps(small_model, photo_array, as_pixels):
    return compute_keras_maps(small_model(), as_pixels(photo_array))


def test_maps_of_a_float32_file_give_its_scores(tflite_files, keras_maps, photo_array, as_pixels):
    path, counts = tflite_files["float32"], []
    maps = compute_class_maps(path, as_pixels(photo_array), counts.append)
    assert sum(counts) == 30 and maps.maps.shape == (30, 8, 8, 3)
    np.testing.assert_allclose(maps.compute_logits(), keras_maps.compute_logits(), atol=1e-4)
    exponents = np.exp(maps.compute_logits())
    scores = predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    np.testing.assert_allclose(exponents / exponents.sum(axis=1, keepdims=True), scores, atol=1e-4)
    np.testing.assert_allclose(maps.maps, keras_maps.maps, atol=1e-4)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_maps_of_each_method_are_like_those_of_keras(tflite_files, keras_maps, photo_array, as_pixels, method):
    maps = compute_class_maps(tflite_files[method], as_pixels(photo_array[::5]))
    labels = keras_maps.compute_logits().argmax(axis=1)[::5]
    correlations = [
        correlate_maps(keras_maps.select(5 * row, label), maps.select(row, label)) for row, label in enumerate(labels)
    ]
    assert np.mean(correlations) >= 0.95, correlations
    assert abs(maps.compute_logits() - keras_maps.compute_logits()[::5]).max() < 0.1


def convert(*rest):
    """Convert a network to a .tflite file."""
    from edgetl.engines.keras import saved_model
    from edgetl.engines.tflite import convert

    keras = keras_model.keras
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    tensor = keras.layers.Rescaling(1 / 255)(image)
    for layer in rest:
        tensor = layer(tensor)
    model = keras.Model(image, tensor)

    def write(folder):
        keras_model.save_model(model, folder / "model.keras")
        saved_model.export_saved_model(folder / "model.keras", folder / "saved", "uint8")
        path = folder / "model.tflite"
        path.write_bytes(convert.convert_saved_model(folder / "saved", METHODS["float32"], None))
        return path

    return write


@pytest.mark.parametrize(
    ("pooling", "reason"), [("GlobalMaxPooling2D", "is a maximum"), ("Flatten", "one dense layer")]
)
def test_other_heads_are_refused(tmp_path, as_pixels, pooling, reason):
    layers = keras_model.keras.layers
    path = convert(layers.Conv2D(4, 3), getattr(layers, pooling)(), layers.Dense(2))(tmp_path)
    with pytest.raises(ClassMapError, match=reason):
        compute_class_maps(path, as_pixels(np.zeros((1, 8, 8, 3), np.uint8)))
