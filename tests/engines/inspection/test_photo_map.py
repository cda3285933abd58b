"""Similar photos are close on the map, and the map is the same again."""

import numpy as np
import pytest

from edgetl.engines.inspection import photo_map
from edgetl.engines.inspection.heads import reduce_features
from edgetl.engines.inspection.photo_map import draw_photo_map


def test_photos_of_a_cloud_are_close_to_each_other(make_clouds):
    features, labels = make_clouds(120, distance=6)
    rows, places = draw_photo_map(reduce_features(features))
    assert rows.tolist() == list(range(120)) and places.min() == 0 and places.max() == 1
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(120)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95
    assert (draw_photo_map(reduce_features(features))[1] == places).all()


def test_part_of_many_photos_is_on_the_map(make_clouds, monkeypatch):
    monkeypatch.setattr(photo_map, "MOST_PHOTOS", 40)
    rows, places = draw_photo_map(reduce_features(make_clouds(120)[0]))
    assert len(rows) == len(set(rows.tolist())) == len(places) == 40 and (np.diff(rows) > 0).all()


@pytest.mark.parametrize("count", [2, 4, 6])
def test_few_photos_have_places(make_clouds, count):
    assert np.isfinite(draw_photo_map(reduce_features(make_clouds(count)[0]))[1]).all()


def test_equal_photos_are_in_the_middle():
    assert (draw_photo_map(np.zeros((10, 4)))[1] == 0.5).all()
