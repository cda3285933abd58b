"""Errors of recipe values: the name, what the value must be, what it is, and a hint in the units of the user."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgetl.core.recipe.invalid_values import Origin, explain_invalid


class Table(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    limit_drop: Annotated[float, Field(gt=0, lt=1)] = 0.1
    count: Annotated[int, Field(ge=2, le=9)] = 2
    fit: Literal["crop", "stretch", "pad"] = "crop"
    on: bool = True
    name: str = ""


class Tables(BaseModel):
    model_config = ConfigDict(extra="forbid")

    contract: Table
    needed: int = 0


ORIGIN = Origin(source="mine.toml", options={("contract", "limit_drop"): "--limit-drop"})


def explain(values: object, origin: Origin = ORIGIN):
    with pytest.raises(ValidationError) as caught:
        Tables.model_validate(values)
    return explain_invalid(caught.value.errors()[0], origin)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 1}, "contract.count must be at least 2, not 1"),
        ({"count": 10}, "contract.count must be at most 9, not 10"),
        ({"count": 2.5}, "contract.count must be a whole number, not 2.5"),
        ({"count": True}, "contract.count must be a whole number, not true"),
        ({"count": "3"}, "contract.count must be a whole number, not '3'"),
        ({"limit_drop": float("nan")}, "--limit-drop must be a finite number, not nan"),
        ({"limit_drop": 0}, "--limit-drop must be greater than 0, not 0"),
        ({"limit_drop": "much"}, "--limit-drop must be a number, not 'much'"),
        ({"fit": "squash"}, "contract.fit must be crop, stretch or pad, not 'squash'"),
        ({"on": 1}, "contract.on must be true or false, not 1"),
        ({"name": 5}, "contract.name must be text, not 5"),
        ({"extra": 5}, "contract.extra is not a key of a recipe"),
    ],
)
def test_error_states_the_name_the_demand_and_the_value(values, message):
    assert explain({"contract": values}).message == message


def test_long_value_is_shortened():
    message = explain({"contract": {"count": [1] * 99}}).message
    assert message.startswith("contract.count must be a whole number, not [1, 1, ") and message.endswith("…")
    assert len(message) < 90


def test_value_of_an_option_has_no_place_and_others_have_the_file():
    assert explain({"contract": {"limit_drop": 2}}).where == ()
    assert explain({"contract": {"count": 1}}).where == ("mine.toml",)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (5, "it is a fraction of 1: 5 points is --limit-drop 0.05"),
        (1, "it is a fraction of 1: 1 point is --limit-drop 0.01"),
        (2.5, "it is a fraction of 1: 2.5 points is --limit-drop 0.025"),
        # 500 is no number of points that a limit can have.
        (500, "it is a fraction of 1: 5 points is --limit-drop 0.05"),
        (-1, "it is a fraction of 1: 5 points is --limit-drop 0.05"),
    ],
)
def test_fraction_is_explained_with_the_number_that_was_written(value, hint):
    assert explain({"contract": {"limit_drop": value}}).hint == hint


def test_fraction_in_a_file_is_explained_as_a_line_of_it():
    error = explain({"contract": {"limit_drop": 5}}, Origin(source="mine.toml"))
    assert error.hint == "it is a fraction of 1: 5 points is contract.limit_drop = 0.05"


def test_misspelt_choice_has_a_suggestion():
    assert explain({"contract": {"fit": "strech"}}).hint == "did you mean stretch?"
    assert explain({"contract": {"fit": "zzz"}}).hint == ""


def test_error_outside_of_the_tables_names_the_source():
    assert explain({}).message.startswith("contract: ")
    assert explain([]).message.startswith("the recipe: ") and explain([]).where == ("mine.toml",)
