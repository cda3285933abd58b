"""option.py: an option as it is typed, listed from the groups of dataclasses."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from edgetl.pipeline.options.option import Option, list_options, map_options, name_option


@dataclass(frozen=True, kw_only=True)
class Group:
    first_value: Annotated[int | None, Option(help="one", sets=("table", "key"))] = None
    second: Annotated[str, Option(help="two", flags=("--other", "-o"))] = "x"


@dataclass(frozen=True, kw_only=True)
class Larger(Group):
    third: Annotated[str, Option(help="three", argument=True)] = ""


def test_options_of_a_group_and_its_bases_are_listed():
    assert [(name, option.help, default) for name, _, option, default in list_options(Larger)] == [
        ("first_value", "one", None),
        ("second", "two", "x"),
        ("third", "three", ""),
    ]


@pytest.mark.parametrize(
    ("name", "typed"), [("first_value", "--first-value"), ("second", "--other"), ("third", "THIRD")]
)
def test_name_of_an_option_is_what_is_typed(name, typed):
    options = {field: option for field, _, option, _ in list_options(Larger)}
    assert name_option(name, options[name]) == typed


def test_recipe_keys_are_mapped_to_their_options():
    assert map_options(Larger) == {("table", "key"): "--first-value"}
