"""Flags over a TOML file over a preset over the defaults → one frozen Recipe in which every value is set."""

import json
import math
import tomllib
from pathlib import Path

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.network import bases, input_scaling
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.tables import BATCH_SIZE, LARGEST_BATCH, ExternalRecipe, Recipe, RecipeTable, Tables

# Values that name a file.
_FILES = (("base", "weights"), ("external", "path"), ("external", "labels"))


def resolve_recipe(source: str = "default", flags: Tables | None = None, *, below: Tables | None = None) -> Recipe:
    """The recipe that a preset or a TOML file and the given flags add up to.

    Args:
        source: a preset's name, or the path of a TOML file; a file may say `preset = "classic"` to start from one.
        flags: table → key → value, only what was given; they win over the file, the file over the preset. Files that
            they name lie where the current folder says, files in a TOML file where that lies.
        below: what stands below all of these and above the defaults: a target's limits.

    Raises:
        ConfigError: unknown preset, table or key (with the closest known one), or a value out of its range.
    """
    given, origin = _read(source)
    flags = _anchored(flags or {}, Path.cwd())
    return _validated(_merge(below or {}, _merge(given, flags)), origin)


def parse_recipe(tables: object, origin: str) -> Recipe:
    """A recipe read back from where `Recipe.tables` was written."""
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        raise _explained(error, origin) from error


def format_recipe(recipe: Recipe) -> str:
    """The recipe as TOML that `resolve` reads back."""
    lines: list[str] = []
    for table, values in recipe.tables().items():
        lines += [f"[{table}]", *(f"{key} = {_toml_value(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _read(source: str) -> tuple[Tables, str]:
    if source in PRESETS:
        return PRESETS[source][1], f"preset {source}"
    path = Path(source)
    if not path.is_file():
        if path.suffix == ".toml" or "/" in source:
            raise ConfigError("no such recipe file", where=(path,))
        raise unknown_name("recipe", source, PRESETS)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ConfigError(f"the recipe cannot be read: {error}", where=(path,)) from error
    preset = tables.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise unknown_name("preset", str(preset), PRESETS)
    for table, values in tables.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{table!r} stands outside any table", where=(path,), hint="write [table] above it")
    return _merge(PRESETS[preset][1], _anchored(tables, path.parent.absolute())), str(path)


def _anchored(tables: Tables, folder: Path) -> Tables:
    """The tables with every file as seen from `folder`, absolute: a recipe outlives the folder it was told in."""
    made = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        name = made.get(table, {}).get(key)
        if isinstance(name, str) and name and name not in bases.WEIGHTS:
            made[table][key] = str(folder / name)
    return made


def strip_folders(tables: Tables) -> Tables:
    """The tables with the bare names of files: what may be told elsewhere of a recipe."""
    made = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        if key in made.get(table, {}):
            made[table][key] = Path(made[table][key]).name
    return made


def _merge(below: Tables, above: Tables) -> Tables:
    return {table: {**below.get(table, {}), **above.get(table, {})} for table in (*below, *above)}


def _dependent(given: Tables) -> Tables:
    """Fill in what depends on another choice: the side on the base, the rate on the batch, the rest on the weights."""
    base = {"name": "mobilenet_v2", "alpha": 1.0, "weights": "imagenet", **given.get("base", {})}
    row = bases.find_base(str(base["name"]))
    # Random weights have no statistics worth keeping and no top worth singling out; what was learned on drawn images
    # is far from photos. Source: README, "Without a network".
    whole = base["weights"] in ("none", "formula")
    narrow = isinstance(base["alpha"], int | float) and base["alpha"] <= 0.5
    batch_size = given.get("training", {}).get("batch_size", BATCH_SIZE)
    # Adam's rate goes with the square root of the batch. Source: Malladi et al., "On the SDEs and Scaling Rules for
    # Adaptive Gradient Algorithms", NeurIPS 2022.
    larger = min(max(batch_size, 1), LARGEST_BATCH) / BATCH_SIZE if isinstance(batch_size, int) else 1
    return {
        "base": {"side_px": row.default_side_px},
        "phase1": {"learning_rate": round(1e-3 * math.sqrt(larger), 6)},
        "training": {"batch_norm": "training" if whole else "inference"},
        "phase2": {"unfreeze": "all" if whole else "0.35"},
        # Narrow networks lose two to three points where wide ones lose half a point.
        "contract": {"limit_drop": 0.02 if narrow else 0.01},
    }


def _validated(given: Tables, origin: str) -> Recipe:
    for table, values in given.items():
        if table not in Recipe.model_fields:
            raise unknown_name("recipe table", table, Recipe.model_fields)
        known = Recipe.model_fields[table].annotation
        assert isinstance(known, type) and issubclass(known, RecipeTable)
        for key in values:
            if key not in known.model_fields:
                raise unknown_name(f"key in [{table}]", key, known.model_fields)
    merged = _merge({table: {} for table in Recipe.model_fields}, _merge(_dependent(given), given))
    recipe = parse_recipe(merged, origin)
    _check_own(recipe.external, given, origin)
    bases.check_base(recipe.base.name, recipe.base.side_px, recipe.base.alpha)
    if recipe.photos.validation + recipe.photos.test > 0.9:
        raise ConfigError("validation and test leave less than a tenth of the photos to train on", where=(origin,))
    return recipe


def _check_own(own: ExternalRecipe, given: Tables, origin: str) -> None:
    if not own.path:
        if own.scaling or own.labels:
            hint = "with --model FILE they say how that model is fed and read; a base of ours knows by itself"
            raise ConfigError("scaling and labels are given, and no model", where=(origin,), hint=hint)
        return
    if own.scaling:
        input_scaling.parse_scaling(own.scaling)
    trained = [table for table in ("base", "head", "augment", "phase1", "phase2", "retrain") if given.get(table)]
    if trained:
        raise ConfigError(
            f"a model of your own is not trained here, and [{trained[0]}] says how to",
            where=(origin,),
            hint="give --model with --fit, --scaling and --labels only, or leave it out",
        )


def _explained(error: ValidationError, origin: str) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return ConfigError(f"{place}: {first['msg'].lower()}, got {first['input']!r}", where=(origin,))


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are all TOML's too; only DEL must be escaped here and need not be there.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
