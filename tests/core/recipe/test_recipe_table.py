"""The base class of the tables of a recipe."""

import pytest
from pydantic import ValidationError

from edgetl.core.recipe.recipe_table import RecipeTable


class Pair(RecipeTable):
    """A table."""

    whole: int
    fraction: float = 0.5


def test_key_is_all_values():
    assert Pair(whole=1).key() == {"whole": 1, "fraction": 0.5}


@pytest.mark.parametrize("values", [{"whole": "1"}, {"whole": True}, {"whole": 1, "third": 1}, {"whole": 1.5}])
def test_wrong_types_and_unknown_keys_are_errors(values):
    with pytest.raises(ValidationError):
        Pair(**values)
