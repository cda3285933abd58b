"""Heat maps of trained models find what decides, and the int8 files look where Keras looks."""

import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import correlate_maps
from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.records import InputSpec
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps
from tests.engines.class_map_models import PATCH_PX, SIDE_PX, draw_digits, draw_patches, train


@pytest.fixture(scope="module")
def convert(as_pixels, tmp_path_factory):
    """Return a function that converts a model to int8 in a format, calibrated with photos."""

    def convert_model(model, format_name, photos):
        folder, backend = tmp_path_factory.mktemp(format_name), BACKENDS[format_name]
        keras_model.save_model(model, folder / "model.keras")
        spec = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop")
        metadata = ModelMetadata(classes=tuple(map(str, range(model.output_shape[1]))), input=spec)
        source = backend.prepare(folder / "model.keras", folder)
        calibrated = backend.calibrate(source, as_pixels(photos), lambda _: None)
        path = folder / f"model.{format_name}"
        path.write_bytes(backend.quantize(calibrated, METHODS["int8"], (), metadata))
        return lambda pixels: backend.compute_class_maps(path, as_pixels(pixels), lambda _: None)

    return convert_model


@pytest.fixture(scope="module")
def digits(small_model):
    photos, labels = draw_digits(600)
    return train(small_model, photos[:500], labels[:500], epochs=20), photos, labels


@pytest.fixture(scope="module")
def patches(small_model):
    labels = np.arange(300) % 3
    photos, _ = draw_patches(labels, seed=1)
    return train(small_model, photos, labels, epochs=6), photos


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_int8_file_looks_where_keras_looks_on_digits(digits, convert, as_pixels, format_name):
    model, photos, labels = digits
    test = photos[500:]
    maps = compute_keras_maps(model, as_pixels(test))
    predicted = maps.compute_logits().argmax(axis=1)
    # A place of this network sees 7 of 32 px: it reads some digits, three times as many as by chance.
    assert np.mean(predicted == labels[500:]) > 0.3
    file_maps = convert(model, format_name, photos[:100])(test)
    correlations = [
        correlate_maps(maps.select(row, label), file_maps.select(row, label)) for row, label in enumerate(predicted)
    ]
    assert np.mean(correlations) >= 0.95


@pytest.mark.parametrize("format_name", ["keras", "tflite", "onnx"])
def test_pasted_patch_is_found(patches, convert, as_pixels, format_name):
    model, photos = patches
    # Two patches in one photo: each class must be found at its own.
    first, second = np.array([0, 1, 2] * 30), np.array([1, 2, 0] * 30)
    test, corners = draw_patches(first, seed=2)
    pasted, others = draw_patches(second, seed=3)
    far = abs(corners - others).max(axis=1) > PATCH_PX + 4
    for photo, source, (row, column) in zip(test, pasted, others, strict=True):
        photo[row : row + PATCH_PX, column : column + PATCH_PX] = source[
            row : row + PATCH_PX, column : column + PATCH_PX
        ]
    assert far.sum() >= 10
    test, places = test[far], ((first[far], corners[far]), (second[far], others[far]))
    if format_name == "keras":
        maps = compute_keras_maps(model, as_pixels(test))
    else:
        maps = convert(model, format_name, photos[:100])(test)
    step = SIDE_PX // maps.maps.shape[1]
    for labels, expected in places:
        for row, (label, corner) in enumerate(zip(labels, expected, strict=True)):
            values = maps.select(row, label)
            highest = np.array(np.unravel_index(values.argmax(), values.shape)) * step + step / 2
            # A place sees 7 px around it.
            assert (abs(highest - (corner + PATCH_PX / 2)) <= PATCH_PX / 2 + 4).all()
