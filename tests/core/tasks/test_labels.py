"""labels.py: classes or several labels as an array."""

import pytest

from edgetl.core.records import Photo
from edgetl.core.tasks.labels import list_labels


def test_classes_and_labels():
    one = Photo(path="1.jpg", label=2, sha256="a")
    several = Photo(path="2.jpg", label=1, sha256="b", labels=(0, 1, 1))
    assert list_labels([one, one]).tolist() == [2, 2] and one.list_classes() == (2,)
    assert list_labels([several]).tolist() == [[0, 1, 1]] and several.list_classes() == (1, 2)
    with pytest.raises(ValueError, match="some photos have one class"):
        list_labels([one, several])
