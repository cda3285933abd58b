"""numbered_names.py: the order of the outputs, and errors that name the line and the number."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.label_files.numbered_names import NumberedName, order_names


def list_entries(*pairs: tuple[int, str]) -> list[NumberedName]:
    return [NumberedName(number, name, f"line {place}") for place, (number, name) in enumerate(pairs, 1)]


def test_names_without_numbers_keep_their_order():
    assert order_names(list_entries((-1, "dog"), (-1, "cat")), 2) == ("dog", "cat")


def test_names_are_sorted_by_number():
    assert order_names(list_entries((1, "dog"), (0, "cat"), (2, "bird")), 3) == ("cat", "dog", "bird")


@pytest.mark.parametrize(
    ("entries", "outputs", "message"),
    [
        ([(0, "a"), (1, "b"), (1, "c")], 3, "line 3: the number 1 is in line 2 already, for 'b'"),
        ([(0, "a"), (2, "b")], 3, "no name has the number 1, and the highest number is 2 in line 2"),
        ([(1, "a"), (2, "b")], 2, "line 1: the lowest number is 1, and the first output has the number 0"),
        ([(0, "a"), (1, "b"), (2, "c")], 2, "line 3: the number 2 is too large: the model has 2 outputs, 0 to 1"),
        ([(0, "a"), (1, "b")], 3, "2 names, the last one in line 2, and the model has 3 outputs"),
        ([(-1, "a"), (-1, "b"), (-1, "a")], 3, "line 3: the name 'a' is in line 1 already"),
        ([(0, "a"), (1, "a")], 2, "line 2: the name 'a' is in line 1 already"),
        ([(-1, "a"), (-1, ""), (-1, "b")], 3, "line 2: the name is empty"),
        ([(0, "a"), (1, "b\nc")], 2, "line 2: the name has several lines"),
        ([(0, "a"), (1, "b\u2028c")], 2, "line 2: the name has several lines"),
        ([], 2, "the labels file has 0 names, and the model has 2 outputs"),
    ],
)
def test_names_that_do_not_fit_are_an_error_with_their_place(entries, outputs, message):
    with pytest.raises(ConfigError, match=message):
        order_names(list_entries(*entries), outputs)
