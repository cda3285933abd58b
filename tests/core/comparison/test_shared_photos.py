"""Photos of two runs are matched by their content, and classes by their names."""

import numpy as np
import pytest

from edgetl.core.comparison.shared_photos import RunPredictions, match_photos, merge_groups
from edgetl.core.records import Photo


def make_run(name, classes, photos, scores=None, thresholds=()):
    """Photos are (content, class) or (content, class, group)."""
    rows = tuple(
        Photo(path=f"{name}/{content}.jpg", label=classes.index(label), sha256=content, group="".join(group))
        for content, label, *group in photos
    )
    scores = np.eye(len(classes))[[photo.label for photo in rows]] if scores is None else np.array(scores)
    return RunPredictions(name=name, classes=tuple(classes), photos=rows, scores=scores, thresholds=thresholds)


def test_photos_are_matched_by_content_and_not_by_path_or_place():
    base = make_run("a", ["cat", "dog"], [("1", "cat"), ("2", "dog"), ("3", "dog")])
    other = make_run("b", ["cat", "dog"], [("3", "dog"), ("4", "cat"), ("1", "cat")])
    shared = match_photos(base, other)
    assert shared.rows.tolist() == [0, 2] and shared.relabeled == 0
    assert [photo.sha256 for photo in shared.candidate.photos] == ["1", "3"]
    assert shared.candidate.scores.tolist() == [[1, 0], [0, 1]]


def test_classes_in_another_order_are_mapped():
    base = make_run("a", ["ant", "bee", "cat"], [("1", "cat"), ("2", "ant")])
    other = make_run("b", ["cat", "ant", "bee"], [("2", "ant"), ("1", "cat")], [[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])
    shared = match_photos(base, other)
    assert shared.candidate.classes == ("ant", "bee", "cat")
    assert shared.candidate.scores.tolist() == [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]
    assert [photo.label for photo in shared.candidate.photos] == [2, 0]


def test_thresholds_follow_the_order_of_the_labels():
    labels = [Photo(path="x", label=0, sha256="1", labels=(1, 0))]
    swapped = [Photo(path="y", label=1, sha256="1", labels=(0, 1))]
    base = RunPredictions(
        name="a", classes=("p", "q"), photos=tuple(labels), scores=np.array([[0.9, 0.1]]), thresholds=(0.3, 0.6)
    )
    other = RunPredictions(
        name="b", classes=("q", "p"), photos=tuple(swapped), scores=np.array([[0.2, 0.8]]), thresholds=(0.7, 0.4)
    )
    shared = match_photos(base, other)
    assert shared.candidate.thresholds == (0.4, 0.7) and shared.candidate.scores.tolist() == [[0.8, 0.2]]


def test_photo_with_another_class_in_each_run_is_left_out_and_counted():
    base = make_run("a", ["cat", "dog"], [("1", "cat"), ("2", "dog")])
    shared = match_photos(base, make_run("b", ["cat", "dog"], [("1", "dog"), ("2", "dog")]))
    assert shared.rows.tolist() == [1] and shared.relabeled == 1
    only = match_photos(base, make_run("b", ["cat", "dog"], [("1", "dog")]))
    assert only == ("not comparable: all 1 test photos in common of a and b have another label in each")


def test_two_copies_of_a_photo_count_once():
    base = make_run("a", ["cat", "dog"], [("1", "cat"), ("1", "cat")])
    shared = match_photos(base, make_run("b", ["cat", "dog"], [("1", "cat"), ("1", "cat"), ("2", "dog")]))
    assert shared.rows.tolist() == [0]


def test_runs_without_a_common_photo_are_not_comparable():
    base = make_run("a", ["cat", "dog"], [("1", "cat")])
    assert match_photos(base, make_run("b", ["cat", "dog"], [("2", "cat")])) == (
        "not comparable: no test photo in common"
    )


def test_other_classes_are_named():
    base = make_run("a", ["cat", "dog"], [("1", "cat")])
    more = make_run("b", ["cat", "dog", "emu"], [("1", "cat")])
    assert match_photos(base, more) == "not comparable: the classes are not the same: only b has emu"
    many = make_run("c", ["cat", *map(str, range(8))], [("1", "cat")])
    sentence = match_photos(base, many)
    assert "only a has dog; only c has 0, 1, 2, 3, 4 and 3 more" in sentence


def test_one_class_and_several_labels_are_not_comparable():
    base = make_run("a", ["cat", "dog"], [("1", "cat")])
    labels = make_run("b", ["cat", "dog"], [("1", "cat")], thresholds=(0.5, 0.5))
    sentence = "not comparable: a photo may have several labels in b, and has one class in a"
    assert match_photos(base, labels) == match_photos(labels, base) == sentence


@pytest.mark.parametrize(
    ("first", "second", "groups"),
    [
        (["", ""], ["", ""], 2),
        (["x", "x", ""], ["", "", ""], 2),
        # The same name in two runs means nothing.
        (["x", ""], ["", "x"], 2),
        (["x", "x", "y"], ["", "p", "p"], 1),
        (["x", "", "y", "y"], ["p", "p", "", ""], 2),
    ],
)
def test_photos_that_one_run_keeps_together_are_one_group(first, second, groups):
    merged = merge_groups(first, second)
    assert len({name or str(row) for row, name in enumerate(merged)}) == groups
