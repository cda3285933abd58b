"""An order → the command line of `edgetl build` that describes it, complete as it must be typed.

Only presets and options are searched. Where they do not describe the recipe, the command names the file recipe.toml in
the run folder.
"""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgetl.core.device import target_search
from edgetl.core.errors import ConfigError
from edgetl.core.photos.remote.photo_url import read_photo_url
from edgetl.core.recipe.presets import PRESETS
from edgetl.core.recipe.tables import Recipe
from edgetl.pipeline.options import BuildOptions, list_options, name_option
from edgetl.pipeline.order import RECIPE_FILE, Order
from edgetl.pipeline.orders import resolve_order_recipe


def format_build_command(order: Order, root: Path) -> str:
    """Return the command line that builds an order in a run folder."""
    return f"{format_changed_build(order, root)} {shlex.join(['--out', str(show_path(root))])}"


def format_changed_build(order: Order, root: Path) -> str:
    """Return the command line that builds a changed order, in a run folder of its own.

    Args:
        order: the order of a run with changes.
        root: the folder of the run, whose recipe the command may name.
    """
    return shlex.join(["edgetl", "build", *_list_words(find_build_options(order, root))])


def format_bundle_command(run: Path, target: str, method: str) -> str:
    """Return the command line that bundles the file of a method; with a target, for that one."""
    option = f" --target {target}" if target else ""
    return f"edgetl bundle {shlex.quote(str(run))}{option} --method {method}"


def describe_unpinned(order: Order, run: Path, target: str, methods: tuple[str, str]) -> str:
    """Describe a build that chooses again where a method was pinned.

    Args:
        order: the order.
        run: its run folder.
        target: id of the target.
        methods: the pinned one, and the chosen one.
    """
    pinned, chosen = methods
    command = format_bundle_command(run, target if len(order.targets) > 1 else "", pinned)
    result = "chooses the same file" if pinned == chosen else f"puts {chosen} in its place"
    return f"the bundle for {target} was made with --method {pinned}: this build chooses again, and {result}" + (
        "" if pinned == chosen else f"; {command} brings it back"
    )


def find_build_options(order: Order, root: Path) -> BuildOptions:
    """Return the fewest options that make an order.

    Args:
        order: the order.
        root: its run folder.
    """
    plain = _make_plain_options(order)
    # The preset that is used without --recipe comes first: of equally many options, it needs no --recipe.
    sources = [None, *PRESETS, str(show_path(root / RECIPE_FILE))]
    candidates = [_describe_recipe(replace(plain, recipe=source), order) for source in sources]
    matching = [options for options in candidates if options is not None]
    if not matching:
        # Somebody has deleted recipe.toml. Nothing else contains the values that no option sets.
        return replace(plain, recipe=str(show_path(root / RECIPE_FILE)))
    return min(matching, key=lambda options: len(_list_words(options)))


def show_path(path: Path) -> Path:
    """Return a path as it is typed in the current folder: relative if it is inside, otherwise absolute."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) and path != Path.cwd() else path


def _make_plain_options(order: Order) -> BuildOptions:
    """Return the options of an order without those that set its recipe, except a model made elsewhere."""
    shipped = target_search.locate_shipped_targets().resolve()
    folders = [target.source.parent.parent for target in order.targets]
    external = order.recipe.external
    return BuildOptions(
        photos=Path(order.source) if order.source else show_path(order.photos) if order.photos else None,
        target=[target.id for target in order.targets],
        target_dir=[show_path(folder) for folder in dict.fromkeys(folders) if folder.resolve() != shipped] or None,
        method=order.method,
        all_methods=order.all_methods,
        prefer=order.prefer,
        test=show_path(order.test) if order.test else None,
        foreign=show_path(order.foreign) if order.foreign else None,
        exclude=show_path(order.exclude) if order.exclude else None,
        cross_fit=order.cross_fit or None,
        model=Path(external.path) if external.path else None,
    )


def _describe_recipe(options: BuildOptions, order: Order) -> BuildOptions | None:
    """Add the options that make the recipe of an order; None if no options make it."""
    recipe = _resolve(options, order)
    # A second round: a value that follows from another one may differ only after the first.
    for _ in range(2):
        if recipe is not None and recipe != order.recipe:
            options = replace(options, **_list_differing_options(recipe, order.recipe))
            recipe = _resolve(options, order)
    if recipe != order.recipe:
        return None
    # An option whose value follows from the others is left out. The others set no value of the recipe.
    recipe_options = [name for name, _, option, _ in list_options(BuildOptions) if option.sets]
    for name, _, _, default in list_options(BuildOptions):
        if name in ("target", *recipe_options) and getattr(options, name) != default:
            shorter = replace(options, **{name: default})
            if _makes(shorter, order):
                options = shorter
    return options


def _list_differing_options(recipe: Recipe, wanted: Recipe) -> dict[str, Any]:
    """Map the options that set what differs between two recipes to the values that they need."""
    tables, wanted_tables = recipe.tables(), wanted.tables()
    values: dict[str, Any] = {}
    for name, annotation, option, _ in list_options(BuildOptions):
        if option.sets is not None:
            table, key = option.sets
            value = wanted_tables[table][key]
            if value != tables[table][key]:
                values[name] = Path(value) if "Path" in str(annotation) else value
    switches = {
        "strict": recipe.contract.strict != wanted.contract.strict,
        "full_ledger": recipe.contract.full_ledger != wanted.contract.full_ledger,
        "multi_label": recipe.photos.multi_label != wanted.photos.multi_label,
        "no_augment": recipe.augment != wanted.augment,
        "no_features": recipe.answers.features != wanted.answers.features,
        "reject_by_class": recipe.answers.by_class != wanted.answers.by_class,
        "no_feature_cache": recipe.training.feature_cache != wanted.training.feature_cache,
        "no_temperature": recipe.training.temperature != wanted.training.temperature,
    }
    return values | {name: True for name, differs in switches.items() if differs}


def _resolve(options: BuildOptions, order: Order) -> Recipe | None:
    try:
        return resolve_order_recipe(options, order.targets)
    # Some options exclude each other, and recipe.toml may be absent: no description of this order.
    except ConfigError:
        return None


def _makes(options: BuildOptions, order: Order) -> bool:
    """Return whether the options make the recipe and the targets of an order."""
    return (options.target or ["tflite"]) == [target.id for target in order.targets] and _resolve(
        options, order
    ) == order.recipe


def _list_words(options: BuildOptions) -> list[str]:
    arguments: list[str] = []
    words: list[str] = []
    for name, _, option, default in list_options(BuildOptions):
        value = getattr(options, name)
        if value == default:
            continue
        if option.argument:
            arguments.append(read_photo_url(value) or str(value))
        elif value is True:
            words.append(name_option(name, option))
        else:
            words += _list_option_words(name_option(name, option), value)
    return [*arguments, *words]


def _list_option_words(flag: str, value: Any) -> Iterator[str]:
    for entry in value if isinstance(value, list) else [value]:
        # A value such as -3 would be taken for an option.
        yield from (f"{flag}={entry}",) if str(entry).startswith("-") else (flag, str(entry))
