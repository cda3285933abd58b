"""Calibration: a file with ranges, layer errors on photos that did not set them, and bad photos refused first."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.requests import CalibrationRequest
from edgetl.core.storage.files import hash_file
from edgetl.engines.tflite import calibrate as tflite_calibrate
from edgetl.stages import calibrate
from edgetl.stages.calibrate import calibrate_activations


@pytest.fixture
def make_request(small_trained, small_source, shared_dataset):
    """Return a function that makes a request for the small model: format and photos → request."""

    def make(format_name, photos):
        return CalibrationRequest(
            format_name=format_name,
            trained=small_trained,
            source=small_source(format_name),
            dataset=shared_dataset,
            photos=PhotoSet(part="train", photos=tuple(photos), input_spec=small_trained.input),
        )

    return make


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_calibrated_model_has_ranges_and_layer_errors(
    make_request, small_trained, shared_dataset, make_work, counting_console, format_name
):
    photos, work = draw_calibration_photos(shared_dataset, 12, 1), make_work(counting_console)
    ranges = calibrate_activations(work, make_request(format_name, photos))
    assert counting_console.bars == {"ranges": [12, 12]}
    assert ranges.calibration.photos == 12 and ranges.trained_sha256 == small_trained.sha256
    assert [path.name for path in work.folder.iterdir()] == [f"calibrated.{format_name}"]
    assert ranges.sha256 == hash_file(ranges.path) and len(ranges.layers) > 3
    errors = [layer.error_steps for layer in ranges.layers]
    assert errors == sorted(errors, reverse=True)
    if format_name == "tflite":
        assert tflite_calibrate.quantize_model(ranges.path.read_bytes())


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_photos_that_cannot_set_ranges_are_refused_before_the_calibrator_runs(
    make_request, shared_dataset, work, monkeypatch, format_name
):
    monkeypatch.setattr(calibrate, "run_conversion", lambda *_: pytest.fail("the calibrator ran"))
    with pytest.raises(DataError, match="9 times"):
        calibrate_activations(work, make_request(format_name, [shared_dataset.train[0]] * 9))


def test_layer_errors_are_measured_on_photos_that_set_no_range(shared_dataset):
    photos = draw_calibration_photos(shared_dataset, 12, 1)
    measured = calibrate._select_error_photos(photos, shared_dataset)
    assert not {photo.sha256 for photo in measured} & {photo.sha256 for photo in photos} and len(measured) == 32
    assert {photo.sha256 for photo in measured} <= {photo.sha256 for photo in shared_dataset.train}


def test_layer_errors_are_measured_on_validation_photos_where_all_training_photos_set_ranges(shared_dataset):
    measured = calibrate._select_error_photos(shared_dataset.train, shared_dataset)
    assert measured and {photo.sha256 for photo in measured} <= {photo.sha256 for photo in shared_dataset.validation}


@pytest.mark.parametrize("count", [32, 40, 63, 95, 200])
def test_layer_errors_are_measured_on_every_class(shared_dataset, count):
    """The photos are sorted by class: without even sampling, the last classes would be cut off."""
    photo = shared_dataset.train[0]
    train = tuple(photo.model_copy(update={"sha256": f"{row:064x}", "label": 5 * row // count}) for row in range(count))
    measured = calibrate._select_error_photos((), shared_dataset.model_copy(update={"train": train}))
    assert len(measured) == 32 and {photo.label for photo in measured} == set(range(5))
