"""The files of two targets are compared photo by photo; one target has nothing to compare."""

from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.pipeline.runs.agreements import Agreement, compare_targets


@pytest.fixture
def make_part(tmp_path):
    """Return a function that makes the pipeline of a target, whose file has these scores for the test photos."""

    def make(name, scores, thresholds=()):
        np.save(tmp_path / f"{name}.npy", np.array(scores, np.float32))
        model = SimpleNamespace(
            dataset=SimpleNamespace(test=scores), trained=SimpleNamespace(threshold_values=thresholds)
        )
        delivery = SimpleNamespace(score=lambda _artifact, _part: SimpleNamespace(path=tmp_path / f"{name}.npy"))
        return SimpleNamespace(target=SimpleNamespace(id=name), model=model, delivery=delivery), None

    return make


def test_photos_with_the_same_class_are_counted(make_part):
    left, right = make_part("a", [[0.9, 0.1], [0.4, 0.6]]), make_part("b", [[0.6, 0.4], [0.7, 0.3]])
    assert compare_targets([left, right]) == (Agreement(targets=("a", "b"), photos=2, same=1),)


def test_all_labels_of_a_photo_must_be_the_same(make_part):
    thresholds = (0.5, 0.5)
    left = make_part("a", [[0.9, 0.9], [0.9, 0.1]], thresholds)
    right = make_part("b", [[0.9, 0.1], [0.6, 0.2]], thresholds)
    assert compare_targets([left, right])[0].same == 1


def test_each_pair_of_three_targets_is_compared(make_part):
    parts = [make_part(name, [[0.9, 0.1]]) for name in "abc"]
    assert [agreement.targets for agreement in compare_targets(parts)] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_one_target_is_not_compared(make_part):
    assert compare_targets([make_part("a", [[0.9, 0.1]])]) == ()
