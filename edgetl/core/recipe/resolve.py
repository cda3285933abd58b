"""Options over a TOML file over a preset over the defaults → one frozen Recipe in which every value is set."""

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.network import bases, input_scaling
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.invalid_values import Origin, RecipeKey, explain_invalid
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.recipe_table import RecipeTable
from edgetl.core.recipe.tables import (
    BATCH_SIZE,
    LARGEST_BATCH,
    BaseRecipe,
    ExternalRecipe,
    Recipe,
    Tables,
)
from edgetl.core.storage.regular_files import read_user_text

# Values that are paths of files.
_FILES = (("base", "weights"), ("external", "path"), ("external", "labels"), ("teacher", "source"))
# Values of these that are names.
_NAMES = {*bases.WEIGHTS, *BASES}
# Tables that configure training. An external model is not trained.
_TRAINING_TABLES = ("base", "head", "augment", "phase1", "phase2", "teacher", "retrain")
_NARROW_ALPHA = 0.5
_LARGEST_HELD_OUT = 0.9


def resolve_recipe(
    source: str = "default",
    flags: Tables | None = None,
    *,
    below: Tables | None = None,
    names: Mapping[RecipeKey, str] | None = None,
) -> Recipe:
    """Resolve a preset or a TOML file and options to a recipe.

    Args:
        source: name of a preset, or path of a TOML file. A file that starts with `preset = "classic"` is based on that
            preset. Its paths are relative to its folder.
        flags: table → key → value, only of options that were set. They take precedence over the file, and the file over
            the preset. Their paths are relative to the current folder.
        below: values that take precedence over the defaults only: the limits of a target.
        names: table and key → the option that sets them, for errors.

    Raises:
        ConfigError: unknown preset, table or key (the hint suggests similar ones), or a value out of its range.
    """
    tables, place = _read_source(source)
    flags = _make_paths_absolute(flags or {}, Path.cwd())
    options = {(table, key): name for (table, key), name in (names or {}).items() if key in flags.get(table, {})}
    origin = Origin(source=place, options=options)
    return _validate(_merge(below or {}, _merge(tables, flags)), origin)


def parse_recipe(tables: object, source: str) -> Recipe:
    """Convert the result of `Recipe.tables`, read from a file, back to a recipe.

    Args:
        tables: table → key → value.
        source: name of the file, for the error.

    Raises:
        ConfigError: missing or unknown keys, or a value out of its range.
    """
    return _check_values(tables, Origin(source=source))


def format_recipe(recipe: Recipe) -> str:
    """Format a recipe as TOML, which `resolve_recipe` reads back."""
    lines: list[str] = []
    for table, values in recipe.tables().items():
        # `resolve_recipe` refuses them beside an external model, which is not trained.
        if recipe.external.path and table in _TRAINING_TABLES:
            continue
        lines += [f"[{table}]", *(f"{key} = {_format_toml(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def strip_folders(tables: Tables) -> Tables:
    """Return the tables with file names instead of paths, for files that are published."""
    stripped = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        if key in stripped.get(table, {}):
            stripped[table][key] = Path(stripped[table][key]).name
    return stripped


def _read_source(source: str) -> tuple[Tables, str]:
    """Return the tables of a preset or a TOML file, and its name for errors."""
    if source in PRESETS:
        return PRESETS[source][1], f"preset {source}"
    path = Path(source)
    if not path.exists():
        # What looks like a path is a missing file, everything else a misspelled preset.
        if path.suffix == ".toml" or "/" in source:
            raise ConfigError("no such recipe file", where=(path,))
        raise unknown_name("recipe", source, PRESETS)
    try:
        tables = tomllib.loads(read_user_text(path, "the recipe"))
    # tomllib recurses into nested arrays: thousands of brackets raise a RecursionError.
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"the recipe cannot be read: {error}", where=(path,)) from error
    preset = tables.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise unknown_name("preset", str(preset), PRESETS)
    for table, values in tables.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{table!r} is not in a table", where=(path,), hint="write [table] above it")
    return _merge(PRESETS[preset][1], _make_paths_absolute(tables, path.parent.absolute())), str(path)


def _make_paths_absolute(tables: Tables, folder: Path) -> Tables:
    """Return the tables with absolute paths: the recipe of a run is read again from other folders."""
    absolute = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        name = absolute.get(table, {}).get(key)
        # A value of a wrong type is left to the validation, which names its key.
        if isinstance(name, str) and name and name not in _NAMES:
            absolute[table][key] = str(folder / name)
    return absolute


def _merge(below: Tables, above: Tables) -> Tables:
    """Merge key by key. Values of `above` take precedence."""
    return {table: {**below.get(table, {}), **above.get(table, {})} for table in (*below, *above)}


def _derive_defaults(tables: Tables) -> Tables:
    """Compute the defaults that depend on other values: on the base, its weights, its width and the batch size.

    The values are not validated yet, so they may have a wrong type.
    """
    base = {"name": "mobilenet_v2", "alpha": 1.0, "weights": "imagenet", **tables.get("base", {})}
    row = bases.find_base(str(base["name"]))
    # Random weights have neither statistics to keep nor upper layers that are more specific than the lower ones.
    # Weights learned from drawn images differ too much from photos to be frozen, measured by tools/measure_transfer.py.
    train_all = base["weights"] in ("none", "formula")
    narrow = isinstance(base["alpha"], int | float) and base["alpha"] <= _NARROW_ALPHA
    batch_size = tables.get("training", {}).get("batch_size", BATCH_SIZE)
    # The learning rate of Adam scales with the square root of the batch size. Source: Malladi et al., "On the SDEs and
    # Scaling Rules for Adaptive Gradient Algorithms", NeurIPS 2022. Batch sizes out of range are clipped here, so that
    # the validation reports the batch size and not the learning rate.
    factor = min(max(batch_size, 1), LARGEST_BATCH) / BATCH_SIZE if isinstance(batch_size, int) else 1
    return {
        "base": {"side_px": row.default_side_px},
        # Each of several labels has a probability of its own.
        "head": {"activation": "sigmoid"} if tables.get("photos", {}).get("multi_label") is True else {},
        "phase1": {"learning_rate": round(1e-3 * math.sqrt(factor), 6)},
        "training": {"batch_norm": "training" if train_all else "inference"},
        "phase2": {"unfreeze": "all" if train_all else "0.35"},
        # Quantization costs narrow networks 2 to 3 points of accuracy and wide ones half a point.
        "contract": {"limit_drop": 0.02 if narrow else 0.01},
    }


def _validate(tables: Tables, origin: Origin) -> Recipe:
    """Check the names of tables and keys, add the defaults, and check all values."""
    for table, values in tables.items():
        if table not in Recipe.model_fields:
            raise unknown_name("recipe table", table, Recipe.model_fields)
        kind = Recipe.model_fields[table].annotation
        assert isinstance(kind, type) and issubclass(kind, RecipeTable)
        for key in values:
            if key not in kind.model_fields:
                raise unknown_name(f"key in [{table}]", key, kind.model_fields)
    merged = _merge({table: {} for table in Recipe.model_fields}, _merge(_derive_defaults(tables), tables))
    if merged["base"]["side_px"] == 0:
        merged["base"]["side_px"] = bases.find_base(str(merged["base"].get("name", "mobilenet_v2"))).weights_side_px
    recipe = _check_values(merged, origin)
    _check_external(recipe.external, tables, origin)
    _check_base(recipe.base, origin)
    _check_labels(recipe, origin)
    _check_time_budget(recipe, origin)
    if recipe.photos.validation + recipe.photos.test > _LARGEST_HELD_OUT:
        message = "validation and test leave less than 10 % of the photos for training"
        raise ConfigError(message, where=(origin.source,))
    return recipe


def _check_values(tables: object, origin: Origin) -> Recipe:
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        # Others may result from the first one.
        raise explain_invalid(error.errors()[0], origin) from error


def _check_base(base: BaseRecipe, origin: Origin) -> None:
    """Check that the base can be built with this input side and width."""
    row = bases.find_base(base.name)
    if base.side_px < row.smallest_side_px:
        raise ConfigError(
            f"{origin.name('base', 'side_px')} must be at least {row.smallest_side_px} for {base.name}, "
            f"not {base.side_px}",
            where=origin.locate("base", "side_px"),
        )
    if base.alpha != 1.0 and not row.has_widths:
        with_widths = ", ".join(name for name, other in BASES.items() if other.has_widths)
        name = origin.name("base", "alpha")
        raise ConfigError(
            f"{base.name} has no width multiplier: {name} must be 1, not {base.alpha:g}",
            where=origin.locate("base", "alpha"),
            hint=f"leave {name} out; it is for {with_widths}",
        )


def _check_labels(recipe: Recipe, origin: Origin) -> None:
    """Check that options for several labels are set only with them, and no option for one class is."""
    photos, switch = recipe.photos, "--multi-label"
    key, hint = ("", ""), ""
    if photos.multi_label and recipe.head.activation == "softmax":
        key, hint = ("head", "activation"), "leave it out: each of several labels has a sigmoid"
    elif photos.multi_label and photos.label_from == "name":
        key, hint = ("photos", "label_from"), "leave out one of them: a file name has one class"
    elif photos.multi_label and recipe.contract.measure == "balanced":
        key = ("contract", "measure")
        hint = "leave it out: the contract then holds the fraction of right decisions about labels"
    elif photos.multi_label and recipe.answers.error_accepted:
        key, hint = ("answers", "error_accepted"), "leave it out: each label has a threshold, and no answer is unsure"
    elif photos.multi_label and recipe.answers.by_class:
        key = ("answers", "by_class")
        hint = "leave it out: photos with several labels have one threshold for what is none of them"
    elif photos.label_separator != "auto" and not photos.multi_label:
        key, hint = (
            ("photos", "label_separator"),
            f"add {switch}, or leave it out: each photo has one class",
        )
    if key[0]:
        other = "without" if key[1] == "label_separator" else "with"
        raise ConfigError(f"{origin.name(*key)} does not go {other} {switch}", where=origin.locate(*key), hint=hint)


def _check_time_budget(recipe: Recipe, origin: Origin) -> None:
    """Check that no option sets what a time budget chooses."""
    chosen = (("phase1", "epochs"), ("phase2", "epochs"), ("phase2", "unfreeze"), ("augment", "views"))
    both = [origin.options[key] for key in chosen if key in origin.options]
    if recipe.training.time_budget and both:
        name = origin.name("training", "time_budget")
        raise ConfigError(f"{name} chooses what {both[0]} sets", hint=f"leave out {name} or {', '.join(both)}")


def _check_external(external: ExternalRecipe, tables: Tables, origin: Origin) -> None:
    """Check that options for an external model are set only with one, and options for training only without."""
    model = origin.name("external", "path")
    if not external.path:
        key = next((key for key in ("scaling", "labels") if getattr(external, key)), "")
        if key:
            raise ConfigError(
                f"{origin.name('external', key)} describes a model made elsewhere, and there is none",
                where=origin.locate("external", key),
                hint="add --model FILE, or remove it: edgetl knows scaling and labels of its bases",
            )
        return
    if external.scaling:
        input_scaling.parse_scaling(external.scaling)
    configured = [(table, key) for table in _TRAINING_TABLES for key in tables.get(table, {})]
    if configured:
        raise ConfigError(
            f"{model} is not trained, so {origin.name(*configured[0])} has no effect",
            where=origin.locate(*configured[0]),
            hint="use --model with --fit, --scaling and --labels only, or remove --model",
        )


def _format_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # All escapes of JSON are escapes of TOML. Only TOML requires one for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
