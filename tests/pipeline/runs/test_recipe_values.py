"""Every option of an order has a value as text, by the name that a user types."""

from dataclasses import replace
from pathlib import Path

from edgetl.core.recipe.tables import Recipe
from edgetl.pipeline.runs.recipe_values import flatten_order, list_run_facts
from tests.fixtures.reports import make_report


def test_values_have_the_names_of_their_options(plain_order):
    values = flatten_order(plain_order)
    recipe = plain_order.recipe
    assert values["side"] == str(recipe.base.side_px) and values["epochs"] == str(recipe.phase1.epochs)
    assert values["photos"] == str(plain_order.photos) and values["target"] == "tflite"
    assert values["all-methods"] == "off" and values["method"] == values["test"] == "none"


def test_every_key_of_the_recipe_has_a_value(plain_order):
    values = flatten_order(plain_order)
    keys = sum(len(table) for table in plain_order.recipe.tables().values())
    assert len(values) >= keys and all(isinstance(value, str) and value for value in values.values())
    assert set(Recipe.model_fields) >= {name.partition(".")[0] for name in values if "." in name}


def test_order_without_photos_is_about_the_digits(plain_order):
    values = flatten_order(replace(plain_order, photos=None, exclude=Path("suspects.csv"), all_methods=True))
    assert (values["photos"], values["exclude"], values["all-methods"]) == ("the embedded digits", "suspects.csv", "on")


def test_facts_are_the_photos_and_the_versions():
    facts = list_run_facts(make_report()[0])
    assert facts["photos, sha256"] == "d" * 12 and facts["keras, version"] == "3" and facts["classes"] == "3"
