"""Clues beside the content of photos, and whether they predict the class."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from edgetl.core.inspection.photo_headers import PhotoHeader
from edgetl.core.inspection.shortcuts import judge_shortcut, list_clues

COLOURS = np.random.default_rng(1).uniform(0, 255, (40, 3))


def make_headers(**changes):
    return [
        PhotoHeader(bytes=1000 + row, width_px=640 + row % 3, height_px=480, mode="RGB", **changes) for row in range(40)
    ]


def test_clues_are_what_differs_between_photos():
    assert set(list_clues(make_headers(), COLOURS)) == {
        "size of the file",
        "size and shape of the picture",
        "mean colour",
    }
    same = [PhotoHeader(bytes=9, width_px=8, height_px=8)] * 40
    assert set(list_clues(same, np.zeros((40, 3)))) == set()


def test_cameras_and_times_are_clues_where_photos_have_them():
    headers = [
        PhotoHeader(bytes=9, width_px=8, height_px=8, camera=f"C{row % 30}", time=datetime(2024, 1, 1) + timedelta(row))
        for row in range(40)
    ]
    clues = list_clues(headers, np.zeros((40, 3)))
    assert set(clues) == {"camera", "time of the photo"}
    assert clues["camera"].shape == (40, 20) and np.isfinite(clues["time of the photo"]).all()
    few = [*headers[:10], *[PhotoHeader(bytes=9, width_px=8, height_px=8, camera="X")] * 30]
    assert set(list_clues(few, np.zeros((40, 3)))) == {"camera"}


def test_files_that_are_gone_have_finite_clues():
    clues = list_clues([PhotoHeader(), *make_headers()[1:]], COLOURS)
    assert all(np.isfinite(values).all() for values in clues.values())


def test_certain_prediction_is_a_shortcut_and_guessing_is_none():
    labels = np.repeat([0, 1], 100)
    assert judge_shortcut("x", labels, labels).is_shortcut
    guessed = np.random.default_rng(1).integers(0, 2, 200)
    found = judge_shortcut("x", labels, guessed)
    assert not found.is_shortcut and found.chance == 0.5 and found.low < found.accuracy


def test_guessing_the_largest_class_is_no_shortcut():
    labels = np.array([0] * 190 + [1] * 10)
    found = judge_shortcut("x", labels, np.zeros(200, int))
    assert found.accuracy == 0.5 and not found.is_shortcut


def test_few_photos_are_no_evidence():
    labels = np.array([0, 0, 1, 1])
    assert judge_shortcut("x", labels, labels).low < 0.8


@pytest.mark.parametrize("recall", [0.4, 0.7])
def test_bound_holds_in_95_percent_of_the_draws(recall):
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 30)
    held = 0
    for _ in range(500):
        predicted = np.where(generator.random(90) < recall, labels, (labels + 1) % 3)
        held += judge_shortcut("x", labels, predicted).low <= recall
    assert held >= 0.93 * 500
