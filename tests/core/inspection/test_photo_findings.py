"""Groups of one photo are none."""

import numpy as np

from edgetl.core.inspection.photo_findings import list_repeated


def test_groups_are_listed_by_their_size_and_then_by_their_rows():
    assert list_repeated(np.array([5, 1, 5, 2, 1, 9, 1])) == ((1, 4, 6), (0, 2))


def test_photos_without_a_group_are_not_listed():
    assert list_repeated(np.arange(4)) == ()
