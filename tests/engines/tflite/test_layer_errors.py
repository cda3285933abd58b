"""layer_errors.py: every layer is measured, and ranges from dark photos show as saturation."""

from edgetl.core import machine
from edgetl.engines.tflite import calibrate, layer_errors


def test_every_layer_is_measured_and_the_largest_error_is_first(layers):
    assert {layer.operator for layer in layers} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    errors = [layer.error_steps for layer in layers]
    assert errors == sorted(errors, reverse=True) and len({layer.name for layer in layers}) == len(layers)
    # Rounding alone is 0.29 steps. No layer of this network is off by many steps.
    assert 0.1 < errors[0] < 5 and all(layer.saturated < 0.05 for layer in layers)


def test_ranges_from_dark_photos_saturate_in_daylight(saved_models, photo_array, as_pixels):
    calibrated = calibrate.calibrate_model(saved_models["ranged"], as_pixels(photo_array // 16), lambda _: None)
    layers = layer_errors.measure_layer_errors(calibrated, as_pixels(photo_array[::3]))
    assert max(layer.saturated for layer in layers) > 0.05


def test_errors_do_not_depend_on_the_number_of_cores(saved_models, photo_array, as_pixels, monkeypatch):
    calibrated = calibrate.calibrate_model(saved_models["ranged"], as_pixels(photo_array[:4]), lambda _: None)
    photos = as_pixels(photo_array.repeat(-(-40 // len(photo_array)), axis=0)[:40])
    errors = []
    for cores in (1, 3):
        monkeypatch.setattr(machine, "count_cores", lambda cores=cores: cores)
        errors.append(layer_errors.measure_layer_errors(calibrated, photos))
    assert errors[0] == errors[1]
