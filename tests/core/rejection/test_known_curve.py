"""As the threshold rises, fewer photos are known: of the classes, and of other things."""

import numpy as np
import pytest

from edgetl.core.rejection.known_curve import trace_known
from edgetl.core.rejection.thresholds import PredictedPhotos


def make_photos(similarities, predicted=0):
    scores = np.zeros((len(similarities), 2))
    scores[:, predicted] = 1
    return PredictedPhotos(scores=scores, similarities=np.array(similarities), labels=np.zeros(len(similarities), int))


def test_curve_has_the_rule_at_shift_0():
    points = trace_known(make_photos([0.2, 0.6, 0.8, 0.9]), [make_photos([0.1, 0.7])], np.array([0.5, 0.5]))
    assert [(point.own, point.others) for point in points] == [
        (0.25, (0.0,)),
        (0.5, (0.0,)),
        (0.75, (0.5,)),
        (0.75, (0.5,)),
        (1.0, (0.5,)),
    ]
    assert [point.shift for point in points] == pytest.approx([0.4, 0.3, 0.1, 0.0, -0.3])


def test_classes_have_their_own_thresholds():
    points = trace_known(make_photos([0.6], predicted=1), [make_photos([0.6])], np.array([0.7, 0.5]))
    assert [(point.own, point.others) for point in points if not point.shift] == [(1.0, (0.0,))]


def test_many_photos_have_few_points_from_few_known_photos_to_all():
    random = np.random.default_rng(1)
    points = trace_known(make_photos(random.random(5000)), [], np.array([0.3, 0.3]))
    owns = [point.own for point in points]
    assert len(points) <= 101 and owns == sorted(owns) and owns[-1] == 1 and owns[0] < 0.01


def test_no_photos_of_a_group_are_none_known():
    assert trace_known(make_photos([0.5]), [make_photos([])], np.array([0.5, 0.5]))[0].others == (0.0,)
