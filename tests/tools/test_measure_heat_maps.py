"""A photo is pasted into another one, and is found where it is."""

import numpy as np

from edgetl.core.heat_maps.class_maps import ClassMaps
from edgetl.core.records import Photo
from tools.measure_heat_maps import compare_maps, count_found, paste_photos


def test_patch_is_another_class_in_each_corner_in_turn():
    photos = np.stack([np.full((8, 8, 3), 10 * row, np.uint8) for row in range(6)])
    labels = [0, 1, 0, 1, 0, 1]
    # The last photo is predicted wrongly.
    pasted, classes = paste_photos(photos, np.array([0, 1, 0, 1, 0, 0]), labels)
    assert len(pasted) == 5 and classes.tolist() == [1, 0, 1, 0, 1]
    assert [(photo != 10 * row).any(axis=2).nonzero()[0].size for row, photo in enumerate(pasted)] == [16] * 5
    corners = [
        tuple(int(axis[0] >= 4) for axis in (photo[..., 0] != 10 * row).nonzero()) for row, photo in enumerate(pasted)
    ]
    assert corners == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)]


def test_patch_is_found_in_its_quarter():
    maps = np.zeros((2, 3, 3, 2), np.float32)
    # The first patch is in the upper left quarter, the second in the upper right one.
    maps[0, 0, 0, 1] = maps[1, 0, 2, 0] = 1
    bias = np.zeros(2)
    assert count_found(ClassMaps(maps=maps, bias=bias), np.array([1, 0])) == 2
    assert count_found(ClassMaps(maps=maps[::-1], bias=bias), np.array([0, 1])) == 0


def test_photos_with_the_lowest_correlation_are_named():
    random = np.random.default_rng(1)
    maps = ClassMaps(maps=random.normal(size=(5, 2, 2, 1)).astype(np.float32), bias=np.zeros(1))
    other = maps.maps.copy()
    other[3] *= -1
    photos = [Photo(path=f"{row}.jpg", label=1, sha256="") for row in range(5)]
    result = compare_maps(maps, ClassMaps(maps=other, bias=np.zeros(1)), np.ones(5, int), photos)
    assert result["most_different"][0] == ["3.jpg", -1.0] and result["below_0.9"] == 1
    assert result["mean_correlation"] == 0.6 and result["lowest_correlation"] == -1
