"""class_names.py: the classes of all parts must be the same, several, and writable."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.class_names import check_class_names, unite_class_names


def test_classes_are_sorted():
    assert unite_class_names({"train": {"b", "a"}, "test": {"a", "b"}}, []) == ("a", "b")
    assert check_class_names({"b", "a"}, []) == ("a", "b")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"train": {"a", "b"}, "test": {"a"}}, "the parts have different classes"),
        ({None: {"a"}}, "only one class"),
        ({None: {"a\nb", "c"}}, "cannot be written on one line"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(names, message):
    with pytest.raises(DataError, match=message):
        unite_class_names(names, [])
