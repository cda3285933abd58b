"""calibrate: a file with ranges, layers measured on photos that did not set them, and bad photos refused first."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos import dataset
from edgetl.core.records import InputSpec, Trained
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tflite import calibrate as tflite_calibrate
from edgetl.stages import calibrate as stage
from edgetl.stages import translate


@pytest.fixture(scope="module")
def trained(small_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    keras_model.save_model(small_model(), path)
    return Trained.model_construct(path=path, sha256="t" * 64, input=InputSpec(side_px=32, fit="crop"))


@pytest.fixture(scope="module")
def graph(trained, tmp_path_factory):
    return translate.translate(trained, tmp_path_factory.mktemp("graph"))


def asked(trained, dataset, form, photos, graph):
    given = graph if form == "onnx" else None
    return stage.Calibrating(trained=trained, dataset=dataset, photos=tuple(photos), graph=given)


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_a_calibrated_model(trained, graph, shared_dataset, tmp_path, form):
    photos = dataset.draw_calibration_photos(shared_dataset, 12, 1)
    seen = []
    made = stage.calibrate(asked(trained, shared_dataset, form, photos, graph), tmp_path, advance=seen.append)
    assert sum(seen) == 12 == made.calibration.photos and made.trained_sha256 == "t" * 64
    assert [path.name for path in tmp_path.iterdir()] == [f"calibrated.{form}"] and made.sha256 == hash_file(made.path)
    assert len(made.layers) > 3
    if form == "tflite":
        assert tflite_calibrate.quantize_model(made.path.read_bytes())


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_a_bad_draw_stops_before_any_work(trained, graph, shared_dataset, tmp_path, monkeypatch, form):
    monkeypatch.setattr(stage.savedmodel, "export", lambda *_: pytest.fail("exported"))
    monkeypatch.setattr(stage.onnx_calibrate, "calibrated", lambda *_: pytest.fail("calibrated"))
    nine = asked(trained, shared_dataset, form, [shared_dataset.train[0]] * 9, graph)
    with pytest.raises(DataError, match="occurs 9 times"):
        stage.calibrate(nine, tmp_path, advance=lambda _: None)


def test_layers_are_measured_on_other_photos(shared_dataset):
    photos = dataset.draw_calibration_photos(shared_dataset, 12, 1)
    others = stage._others(photos, shared_dataset)
    assert not {of.sha256 for of in others} & {of.sha256 for of in photos} and len(others) == 32
    assert {of.sha256 for of in others} <= {of.sha256 for of in shared_dataset.train}
    # Where every training photo sets a range, validation photos are left; test photos never serve.
    others = stage._others(shared_dataset.train, shared_dataset)
    assert others and {of.sha256 for of in others} <= {of.sha256 for of in shared_dataset.validation}


@pytest.mark.parametrize("left", [32, 40, 63, 95, 200])
def test_the_others_are_of_every_class(shared_dataset, left):
    """Photos stand class by class, so that a tail cut off is a class not asked."""
    photo = shared_dataset.train[0]
    train = tuple(photo.model_copy(update={"sha256": f"{row:064x}", "label": 5 * row // left}) for row in range(left))
    others = stage._others((), shared_dataset.model_copy(update={"train": train}))
    assert len(others) == 32 and {of.label for of in others} == set(range(5))
