"""What the flags of a verb ask for → an Order, and the run folder that it goes to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgetl.cli.options import tables
from edgetl.core import methods, recipe
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.core.photos import photo_folder
from edgetl.core.runs import make_folder_name
from edgetl.pipeline.order import Order


def order(given: dict[str, Any]) -> Order:
    """The order that a verb's arguments make, by the names of its parameters.

    Raises:
        ConfigError: flags that do not go together, or a name that nothing has.
        DataError: the photos are no folder of photos.
    """
    photos, method = given["photos"], given.get("method", "")
    check_utf8(given)
    if photos is not None and not photos.is_dir():
        photo_folder.scan_photos(photos)  # It says what is wrong, before a run folder is made for nothing.
    if method:
        methods.find_method(method)
    names = given.get("target") or ["tflite"]
    if len(set(names)) < len(names):
        raise ConfigError("a target is given twice", where=names)
    found = tuple(targets.find_target(name, given.get("target_dir") or ()) for name in names)
    source = given["recipe"] or ("digits" if photos is None and given.get("model") is None else "default")
    # All targets share one recipe, so the strictest limit holds for each.
    limits = [one.limits.accuracy_drop for one in found if one.limits.accuracy_drop is not None]
    below = {"contract": {"limit_drop": min(limits)}} if limits else {}
    resolved = recipe.resolve_recipe(source, tables(given), below=below)
    if resolved.external.path and photos is None:
        hint = "edgetl build --model FILE PHOTOS, with photos of the classes that it knows"
        raise ConfigError("a model of your own needs photos of your own", hint=hint)
    return Order(
        photos=photos,
        targets=found,
        recipe=resolved,
        method=method,
        all_methods=given.get("all_methods", False),
    )


def laxer(wanted: Order) -> list[str]:
    """The targets that demand more accuracy than the recipe does, which has its way: a sentence for each."""
    allowed = wanted.recipe.contract.limit_drop
    return [
        f"target {one.id} allows a drop of {one.limits.accuracy_drop * 100:g} points, and the recipe, which holds, "
        f"{allowed * 100:g}: --limit-drop {one.limits.accuracy_drop:g} keeps to the target"
        for one in wanted.targets
        if one.limits.accuracy_drop is not None and one.limits.accuracy_drop < allowed
    ]


def continued(wanted: Order, root: Path) -> Order:
    """An order to train, for a run folder that may hold a build: that stays what it was, but for the training."""
    if not (root / "order.json").is_file():
        return wanted
    before = Order.of(root)
    kept = {name: getattr(before.recipe, name) for name in ("contract", "convert", "retrain")}
    return replace(
        wanted,
        targets=before.targets,
        recipe=wanted.recipe.model_copy(update=kept),
        method=before.method,
        all_methods=before.all_methods,
    )


def run_folder(wanted: Order, given: Path | None) -> Path:
    """The folder that was given, or one named after photos and network.

    Raises:
        ConfigError: it lies inside the photos, or it was not given and is that of other photos.
    """
    base, own = wanted.recipe.base, wanted.recipe.external.path
    photos = wanted.photos.resolve() if wanted.photos else None
    called = photos.name if photos else "digits"
    network = (Path(own).stem,) if own else (base.name, f"{base.alpha:g}", base.side_px)
    out = given or Path("edgetl-runs") / make_folder_name(called, *network)
    if photos and out.resolve().is_relative_to(photos):
        hint = "give a folder elsewhere with --out: nothing is written among photos"
        raise ConfigError("the run folder would lie inside the photos", where=(out, photos), hint=hint)
    if given is None and (out / "order.json").is_file():
        before = Order.of(out).photos
        if (before.resolve() if before else None) != photos:
            hint = "give this one a folder of its own with --out"
            told = before or "the embedded digits"
            raise ConfigError(f"the run folder is that of other photos: {told}", where=(out,), hint=hint)
    return out


def check_utf8(given: Mapping[str, Any]) -> None:
    """Names are kept in JSON, told and printed: one that is no text would end a build where it is written down.

    Raises:
        ConfigError: such a name, by its flag.
    """
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | Path) and not _is_text(str(one)):
                raise ConfigError(f"--{name.replace('_', '-')} is not UTF-8", where=[repr(str(one))], hint="rename it")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
