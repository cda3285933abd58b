"""Heat maps as a stage: for changed photos and a sample; a network without them has a reason."""

import numpy as np
import pytest

from edgetl.core.heat_maps.records import HeatMapRequest
from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.stages.pages.heat_maps import make_heat_maps
from edgetl.stages.score import score_artifact, score_reference


def make_request(trained, artifact, dataset, photos, make_work):
    scores = (
        score_reference(make_work(), trained, photos),
        score_artifact(make_work(), artifact, photos, "reference"),
    )
    return HeatMapRequest(trained=trained, artifact=artifact, dataset=dataset, scores=scores, seed=1)


@pytest.fixture
def small_dataset(shared_dataset):
    return shared_dataset.model_copy(update={"test": shared_dataset.test[:20]})


@pytest.fixture
def small_file(small_trained, small_source, delivered, tmp_path):
    path = tmp_path / "model.tflite"
    metadata = ModelMetadata(classes=small_trained.classes, input=small_trained.input)
    source = small_source("tflite").path
    path.write_bytes(BACKENDS["tflite"].convert(source, METHODS["float32"], None, metadata))
    return delivered.artifact.model_copy(update={"path": path, "sha256": hash_file(path), "method": "float32"})


def test_maps_are_those_of_both_models(
    small_trained, small_file, small_dataset, scored_photos, make_work, counting_console
):
    trained = small_trained.model_copy(update={"thresholds": ()})
    request = make_request(trained, small_file, small_dataset, scored_photos, make_work)
    record = make_heat_maps(make_work(counting_console), request)
    maps = np.load(record.path)
    assert not record.reason and record.total == len(record.photos) == 20 and maps.shape == (20, 3, 8, 8)
    assert counting_console.bars == {"heat maps": [40, 40]}
    assert record.mean_correlation > 0.999 and record.changed == 0 and record.sha256 == hash_file(record.path)
    # The mean of a map is the logit of the class that Keras predicts, but for the bias.
    model = keras_model.load_model(trained.path)
    pixels = scored_photos.open_pixels().rows([photo.row for photo in record.photos])
    pooled = np.asarray(keras_model.keras.Model(model.input, model.get_layer("pooling").output)(pixels))
    logits = pooled @ np.asarray(model.get_layer("scores").kernel)
    for row, photo in enumerate(record.photos):
        assert np.allclose(maps[row].mean(axis=(1, 2)), logits[row, photo.label], atol=1e-4)


def test_network_without_maps_is_a_result(built, delivered, small_dataset, scored_photos, make_work):
    # MobileNet at 32 px has a feature map of one place.
    request = make_request(built.trained, delivered.artifact, small_dataset, scored_photos, make_work)
    record = make_heat_maps(make_work(), request)
    assert "one place only" in record.reason and not record.photos and np.load(record.path).shape == (0, 3, 1, 1)
