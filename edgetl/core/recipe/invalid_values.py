"""The error for an invalid value of a recipe: it names the option or the key that set it, its bound, and a unit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from edgetl.core.errors import ConfigError

# Table and key of a recipe.
RecipeKey = tuple[str, str]

# Kind of pydantic's error → what the value must be. Names in braces are the context of the error.
_DEMANDS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be a number and a unit",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "extra_forbidden": "is not a key of a recipe",
}
# Values that people write in percent or in points.
_FRACTIONS: dict[RecipeKey, str] = {
    ("contract", "limit_drop"): "points",
    ("contract", "confidence"): "%",
    ("contract", "min_accuracy"): "%",
    ("head", "dropout"): "%",
    ("retrain", "sparsity"): "%",
    ("answers", "reject_own"): "%",
    ("answers", "error_accepted"): "%",
    ("photos", "validation"): "%",
    ("photos", "test"): "%",
    ("augment", "shift"): "%",
    ("augment", "zoom"): "%",
    ("augment", "brightness"): "%",
    ("augment", "crop"): "%",
    ("augment", "colour"): "%",
    ("training", "warmup"): "%",
    ("training", "label_smoothing"): "%",
    ("teacher", "weight"): "%",
}
_MEANINGS: dict[RecipeKey, str] = {
    ("base", "alpha"): "1.0 is the full width: edgetl bases lists the widths with weights",
    ("base", "side_px"): "32 to 1024 pixels; 96, 160 and 224 are usual",
    ("head", "hidden_units"): "0 to 8192 units; 0 is a head without a hidden layer",
    ("training", "batch_size"): "1 to 4096 photos in a training step; 32 is the default",
    ("training", "seed"): "0 or any larger whole number",
    ("training", "cache_bytes"): "bytes, as in 2000000000; 0 is 10 % of the free space",
    ("teacher", "side_px"): "0 is the side of its weights, or of the model if that is larger; 1024 pixels are the most",
    ("training", "time_budget"): "90s, 10m and 1h are times; without one, the recipe decides",
    ("phase1", "epochs"): "phase 1 trains the head and cannot be skipped; phase 2 can, with --fine-tune-epochs 0",
    ("phase1", "learning_rate"): "0.001 is the default, and 1 the largest",
    ("phase2", "epochs"): "0 to 10000 epochs; 0 skips phase 2",
    ("retrain", "epochs"): "1 to 1000 epochs; 4 is the default",
    ("retrain", "compress_epochs"): "1 to 1000 epochs; 16 is the default",
    ("retrain", "clusters"): "2 to 256 different weights in a layer; 32 is the default",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where the values of a recipe come from.

    Attributes:
        source: name of a preset, or path of a file.
        options: table and key → the option that sets them, of the options that are set.
    """

    source: str
    options: Mapping[RecipeKey, str] = field(default_factory=dict)

    def name(self, table: str, key: str) -> str:
        """Return the option that set a value, as in "--side", or its key in the file, as in "base.side_px"."""
        return self.options.get((table, key), f"{table}.{key}")

    def locate(self, table: str, key: str) -> tuple[str, ...]:
        """Return the file or the preset with a value; nothing for a value from an option."""
        return () if (table, key) in self.options else (self.source,)


def explain_invalid(error: Mapping[str, Any], origin: Origin) -> ConfigError:
    """Make the error for an invalid value.

    Args:
        error: one of `pydantic.ValidationError.errors()`.
        origin: where the value comes from.
    """
    place = tuple(str(part) for part in error["loc"])
    if len(place) != 2:
        return ConfigError(f"{'.'.join(place) or 'the recipe'}: {error['msg'].lower()}", where=(origin.source,))
    table, key = place
    name, value = origin.name(table, key), error["input"]
    choices = _list_choices(error)
    bounds = {name: _format_value(bound) for name, bound in error.get("ctx", {}).items()}
    context = {**bounds, "expected": " or ".join([", ".join(choices[:-1]), *choices[-1:]])}
    demand = _DEMANDS.get(error["type"], error["msg"].lower()).format(**context)
    shown = "" if error["type"] in ("missing", "extra_forbidden") else f", not {_format_value(value)}"
    hint = _suggest_choice(value, choices) or _suggest_fraction(place, value, name) or _MEANINGS.get(place, "")
    return ConfigError(f"{name} {demand}{shown}", where=origin.locate(table, key), hint=hint)


def _list_choices(error: Mapping[str, Any]) -> list[str]:
    """Return the values of a Literal, without the quotes with which pydantic lists them."""
    if error["type"] != "literal_error":
        return []
    return [choice.strip("'") for choice in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]


def _suggest_choice(value: object, choices: list[str]) -> str:
    similar = get_close_matches(value, choices, n=1) if isinstance(value, str) else []
    return f"did you mean {similar[0]}?" if similar else ""


def _suggest_fraction(place: tuple[str, ...], value: object, name: str) -> str:
    """Explain a fraction; what was written in percent or points is converted."""
    unit = {key: unit for key, unit in _FRACTIONS.items() if key == place}.get((place[0], place[1]), "")
    if not unit:
        return ""
    # true is an int of Python. 1 is one point or one percent: as a fraction, it would be everything.
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    # A limit of more than 100 % is no percentage.
    percent = number if 1 <= number < 100 else 5
    separator = " " if name.startswith("-") else " = "
    singular = unit.removesuffix("s") if percent == 1 else unit
    return f"it is a fraction of 1: {percent:g} {singular} is {name}{separator}{percent / 100:g}"


_FORMATS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: str(value).lower(),
    float: lambda value: f"{value:g}",
    str: repr,
}
_LONGEST_SHOWN = 40


def _format_value(value: object) -> str:
    text = _FORMATS.get(type(value), str)(value) if isinstance(value, bool | float | str | int) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
