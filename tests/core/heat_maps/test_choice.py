import numpy as np

from edgetl.core.heat_maps import choice
from edgetl.core.heat_maps.choice import choose_photos
from edgetl.core.tasks.one_class import OneClass
from edgetl.core.tasks.several_labels import SeveralLabels


def make_scores(decisions, classes=3):
    return np.eye(classes, dtype=np.float32)[np.asarray(decisions)]


def test_changed_photos_come_first_by_what_changed():
    truth = np.zeros(6, np.int64)
    before, after = [0, 1, 1, 0, 2, 0], [0, 2, 0, 1, 2, 2]
    photos, changed = choose_photos(truth, (make_scores(before), make_scores(after)), OneClass(), seed=1)
    assert [(photo.row, photo.kind) for photo in photos] == [
        (3, "broke"),
        (5, "broke"),
        (2, "fixed"),
        (1, "differs"),
        (0, "same"),
        (4, "same"),
    ]
    assert changed == 4 and all(photo.sampled for photo in photos)
    assert [(photo.label, photo.file_label) for photo in photos[:3]] == [(0, 1), (0, 2), (1, 0)]


def test_sample_is_bounded_and_drawn_by_the_seed():
    truth = np.zeros(1000, np.int64)
    before, after = np.zeros(1000, int), np.where(np.arange(1000) < 300, 1, 0)
    scores = make_scores(before), make_scores(after)
    photos, changed = choose_photos(truth, scores, OneClass(), seed=1)
    assert changed == 300 and [photo.row for photo in photos[: choice.MOST_CHANGED]] == list(range(choice.MOST_CHANGED))
    sampled = [photo.row for photo in photos if photo.sampled]
    assert len(sampled) == choice.SAMPLE and len({photo.row for photo in photos}) == len(photos)
    assert photos == choose_photos(truth, scores, OneClass(), seed=1)[0]
    assert sampled != [photo.row for photo in choose_photos(truth, scores, OneClass(), seed=2)[0] if photo.sampled]


def test_of_several_labels_the_first_that_changed_is_shown():
    truth = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0]])
    before = np.array([[0.9, 0.1, 0.9], [0.2, 0.1, 0.3], [0.1, 0.3, 0.2]])
    after = np.array([[0.9, 0.9, 0.2], [0.8, 0.1, 0.3], [0.1, 0.3, 0.2]])
    photos, changed = choose_photos(truth, (before, after), SeveralLabels((0.5, 0.5, 0.5)), seed=1)
    assert [(photo.row, photo.kind, photo.label, photo.file_label) for photo in photos] == [
        (0, "broke", 1, 1),
        (1, "fixed", 0, 0),
        (2, "same", 1, 1),
    ]
    assert changed == 2
