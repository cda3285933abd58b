"""feature_shards.py: features that tasks compute are those of one machine, byte for byte."""

import shutil

import pytest

from edgetl.core.recipe.tables import AugmentRecipe
from edgetl.core.records import InputSpec
from edgetl.engines import feature_shards
from edgetl.engines.feature_shards import Augmentation, choose_shard_size
from edgetl.engines.keras import frozen_features, split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from tests.fixtures.execution import FakeExecutor
from tests.fixtures.photos import SIDE_PX

SPEC = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop")
RECIPE = AugmentRecipe(flip=True, shift=0.1, zoom=0.1, brightness=0.2, views=3)


def make_views(photos):
    sha256s = [f"{row:064x}" for row in range(len(photos))]
    plain = PhotoView(key="plain", sha256s=sha256s, pixels=lambda rows: photos[rows])

    def augment(rows):
        hashes = [sha256s[row] for row in rows]
        return feature_shards.augment.augment_photos(photos[rows], hashes, 2, 7, RECIPE)

    augmented = PhotoView(
        key="augmented",
        sha256s=sha256s,
        pixels=augment,
        augmentation=Augmentation(view=2, seed=7, recipe=RECIPE),
        plain=lambda rows: photos[rows],
    )
    return [plain, augmented]


@pytest.fixture
def compute(small_model, photo_array, tmp_path, monkeypatch):
    """Return a function that computes features in a new cache, and returns the files of all segments by content."""
    model = small_model()
    points = [point for point in split_points.find_split_points(model) if point.name in ("relu2", "pooling")]

    def run(executor=None, first=0):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        frozen = FrozenPart(model, points, SPEC, executor=executor)
        steps = []
        frozen.compute_missing(make_views(photo_array[first:27]), steps.append)
        assert sum(steps) == 2 * (27 - first)
        store = tmp_path / "cache" / "edgetl" / "features"
        paths = [path for path in store.rglob("*") if path.is_file()]
        files = sorted((path.parent.parent.name, path.name, path.read_bytes()) for path in paths)
        shutil.rmtree(store)
        return files

    return run


def test_segments_are_those_of_this_machine(compute, monkeypatch):
    expected = compute()
    monkeypatch.setattr(feature_shards, "_LARGEST_SHARD", 8)
    executor = FakeExecutor()
    assert compute(executor) == expected
    assert executor.tasks == 2 * 4, "27 photos are 4 shards of at most 8"
    assert {spec.name for spec in executor.specs} == {"edgetl.engines.feature_shards:compute_shard"}


def test_segments_of_limited_size_are_the_same(compute, monkeypatch):
    # 11 photos in a segment: the last batch of each is not full.
    monkeypatch.setattr(frozen_features, "_SEGMENT_BYTES", 11 * 4 * (8 * 8 * 8 + 128))
    monkeypatch.setattr(feature_shards, "_LARGEST_SHARD", 4)
    assert compute(FakeExecutor()) == compute()


def test_other_backends_compute_here(compute, monkeypatch):
    monkeypatch.setattr(frozen_features, "runs_on_litert", lambda: False)
    executor = FakeExecutor()
    compute(executor)
    assert executor.tasks == 0


@pytest.mark.parametrize(
    ("photo_bytes", "expected"),
    [(1, 256), (96 * 96 * 3 + 4 * 1024, 256), (224 * 224 * 3 + 4 * 7 * 7 * 1280, 40), (10**8, 4), (0, 256)],
)
def test_shards_are_whole_batches_of_bounded_size(photo_bytes, expected):
    assert choose_shard_size(photo_bytes) == expected
