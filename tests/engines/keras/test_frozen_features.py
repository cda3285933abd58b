"""Features of the frozen layers: those of Keras, computed once for each photo and view, stored by weights and code."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.core.records import InputSpec
from edgetl.engines.keras import frozen_features, split_points
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from tests.fixtures.photos import SIDE_PX

INPUT_SPEC = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop")
# float32 features of one photo: 8 x 8 x 8 at relu2, 128 at the pooling.
BYTES_PER_PHOTO = 4 * (8 * 8 * 8 + 128)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def freeze(model):
    """The frozen layers up to relu2 and up to the pooling."""
    points = [point for point in split_points.find_split_points(model) if point.name in ("relu2", "pooling")]
    return FrozenPart(model, points, INPUT_SPEC)


class CountedView:
    """A view of photos in memory that counts the photos that were read."""

    def __init__(self, pixels, key="plain"):
        self.read_photos = 0
        self.pixels = pixels
        self.view = PhotoView(key=key, sha256s=[f"{row:064x}" for row in range(len(pixels))], pixels=self._read)

    def _read(self, rows):
        self.read_photos += len(rows)
        return self.pixels[rows]


@pytest.fixture
def view(photo_array):
    """A view of 11 photos, which do not fill the last batch."""
    return CountedView(photo_array[:11])


def predict_features(model, pixels):
    network = keras.Model(model.input, [model.get_layer("relu2").output, model.get_layer("pooling").output])
    return [np.asarray(features) for features in network.predict_on_batch(pixels)]


@pytest.mark.parametrize("on_litert", [True, False], ids=["LiteRT", "Keras"])
def test_features_equal_those_of_keras_at_each_split_point(small_model, view, monkeypatch, on_litert):
    model = small_model()
    expected = predict_features(model, view.pixels)
    monkeypatch.setattr(frozen_features, "runs_on_litert", lambda: on_litert)
    monkeypatch.setattr(keras_model, "GPU_BATCH_SIZE", 4)
    frozen, batches = freeze(model), []
    frozen.compute_missing([view.view], batches.append)
    assert sorted(batches) == [3, 4, 4]
    for split, features in enumerate(expected):
        stored = frozen.open_features(view.view, split).rows(np.arange(11))
        assert np.abs(stored - features).max() < 1e-4 * np.abs(features).max()


def test_litert_computes_on_a_cpu_under_tensorflow(monkeypatch):
    for backend, device, expected in (
        ("tensorflow", "cpu:0", True),
        ("tensorflow", "gpu:0", False),
        ("jax", "cpu:0", False),
    ):
        monkeypatch.setattr(keras_model, "get_backend", lambda backend=backend: backend)
        monkeypatch.setattr(keras_model, "get_device", lambda device=device: device)
        assert frozen_features.runs_on_litert() is expected


def test_each_photo_and_view_is_computed_once(small_model, photo_array):
    frozen = freeze(small_model())
    plain, mirrored = CountedView(photo_array[:9]), CountedView(photo_array[:9, :, ::-1], key="mirrored")
    views = [plain.view, mirrored.view]
    assert frozen.count_missing_bytes(views) == 2 * 9 * BYTES_PER_PHOTO
    batches = []
    frozen.compute_missing(views, batches.append)
    assert sum(batches) == 18 and frozen.count_missing_bytes(views) == 0
    plain.read_photos = mirrored.read_photos = 0
    frozen.compute_missing(views, batches.append)
    assert (sum(batches), plain.read_photos, mirrored.read_photos) == (18, 0, 0)
    features = [frozen.open_features(view, 1).rows(np.arange(9)) for view in views]
    assert not np.allclose(*features)


def test_features_are_stored_in_segments_of_limited_size(small_model, view, monkeypatch, tmp_path):
    monkeypatch.setattr(frozen_features, "_SEGMENT_BYTES", 5 * BYTES_PER_PHOTO)
    model = small_model()
    frozen = freeze(model)
    frozen.compute_missing([view.view], lambda _: None)
    sizes = [path.stat().st_size // (128 * 4) for path in (tmp_path / "cache").rglob("rows")]
    # 11 photos at two split points: 5, 5 and 1, of which relu2 has four times the numbers.
    assert sorted(sizes) == [1, 4, 5, 5, 20, 20]
    expected = predict_features(model, view.pixels)[1]
    assert np.allclose(frozen.open_features(view.view, 1).rows(np.arange(11)), expected, atol=1e-5)


def test_batches_are_prepared_in_order_and_only_a_few_ahead(monkeypatch):
    monkeypatch.setattr(frozen_features.machine, "count_cores", lambda: 2)
    prepared_rows = []

    def read(rows):
        prepared_rows.append(int(rows[0]))
        return rows

    batches = frozen_features._prepare_batches([np.array([number]) for number in range(20)], read)
    assert [int(next(batches)[0]) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(prepared_rows) <= 5 + 3
    assert [int(batch[0]) for batch in batches] == list(range(5, 20))


def test_changed_weights_need_new_features(small_model, view):
    model = small_model()
    freeze(model).compute_missing([view.view], lambda _: None)
    layer = model.get_layer("conv1")
    layer.set_weights([weight + 0.1 for weight in layer.get_weights()])
    assert freeze(model).count_missing_bytes([view.view]) == 11 * BYTES_PER_PHOTO


def test_changed_code_of_the_augmentation_needs_new_features(small_model, view, monkeypatch, tmp_path):
    model = small_model()
    freeze(model).compute_missing([view.view], lambda _: None)
    assert freeze(model).count_missing_bytes([view.view]) == 0
    changed = tmp_path / "augment.py"
    changed.write_bytes(Path(frozen_features.augment.__file__).read_bytes() + b"# changed\n")
    monkeypatch.setattr(frozen_features.augment, "__file__", str(changed))
    assert freeze(model).count_missing_bytes([view.view]) == 11 * BYTES_PER_PHOTO
