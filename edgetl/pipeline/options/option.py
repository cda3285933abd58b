"""One option: how it is shown and what it sets. Options of a group are listed, and collected into recipe tables."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from edgetl.core.recipe.tables import Tables

# Headings under which the help lists options.
IN_EXTERNAL, IN_MODEL = "A model made elsewhere, instead of training", "Model"
IN_ANSWERS = "Photos of other things"
IN_PHOTOS, IN_TRAINING = "Photos", "Training"


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """How an option is shown, and what it sets.

    Attributes:
        help: one line of help.
        panel: heading under which the help lists it.
        metavar: placeholder of its value.
        sets: table and key of the recipe.
        flags: names on the command line, where they are not the field's name.
        argument: whether it is positional on the command line.
        minimum: least value.
        maximum: largest value.
    """

    help: str
    panel: str = ""
    metavar: str = ""
    sets: tuple[str, str] | None = None
    flags: tuple[str, ...] = ()
    argument: bool = False
    minimum: float | None = None
    maximum: float | None = None


def list_options(group: type[Any]) -> Iterator[tuple[str, Any, Option, Any]]:
    """Yield name, type, description and default of each option of a group."""
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        annotation = hints[field.name]
        (option,) = [entry for entry in annotation.__metadata__ if isinstance(entry, Option)]
        yield field.name, annotation.__origin__, option, field.default


def name_option(name: str, option: Option) -> str:
    """Return an option as it is typed, as in --fine-tune-epochs; of an argument, its name in capitals."""
    return name.upper() if option.argument else option.flags[0] if option.flags else f"--{name.replace('_', '-')}"


def map_options(group: type[Any]) -> dict[tuple[str, str], str]:
    """Map table and key of the recipe to the option that sets them."""
    return {option.sets: name_option(name, option) for name, _, option, _ in list_options(group) if option.sets}


def collect_tables(options: object) -> Tables:
    """Return the recipe tables that the options set; an option that is None sets nothing."""
    tables: Tables = {}
    for name, _, option, _ in list_options(type(options)):
        value = getattr(options, name)
        if option.sets is not None and value is not None:
            table, key = option.sets
            # Recipes are TOML, which has no paths.
            tables.setdefault(table, {})[key] = str(value) if isinstance(value, Path) else value
    # Switches are True or absent. An absent one must not override a recipe file, so it sets nothing.
    if getattr(options, "strict", False):
        tables.setdefault("contract", {})["strict"] = True
    if getattr(options, "full_ledger", False):
        tables.setdefault("contract", {})["full_ledger"] = True
    if getattr(options, "reject_by_class", False):
        tables.setdefault("answers", {})["by_class"] = True
    if getattr(options, "no_features", False):
        tables.setdefault("answers", {})["features"] = False
    if getattr(options, "multi_label", False):
        tables.setdefault("photos", {})["multi_label"] = True
    if getattr(options, "no_augment", False):
        tables["augment"] = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    if getattr(options, "no_feature_cache", False):
        tables.setdefault("training", {})["feature_cache"] = False
    if getattr(options, "no_temperature", False):
        tables.setdefault("training", {})["temperature"] = False
    return tables
