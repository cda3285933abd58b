"""Two orders, or the photos of two builds → their differences in words, and what would be lost by them."""

from collections.abc import Iterator
from pathlib import Path

from edgetl.core.photos import photo_folder
from edgetl.core.recipe.recipe_table import RecipeTable
from edgetl.core.recipe.tables import Recipe, RetrainingTables, TrainingTables
from edgetl.core.records import Dataset
from edgetl.core.run.fingerprint import resolve_key
from edgetl.core.run.run_folder import read_finished_stage, stage_file_name
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.options import BuildOptions, map_options
from edgetl.pipeline.order import Order

_DIGITS = "the embedded digits"
# What the trained model depends on, and what retrained copies of it depend on beside that. The other tables, targets
# and methods keep all that is trained: converting and judging again takes seconds.
_TRAINED = ("external", "photos", *TrainingTables.model_fields)
_RETRAINED = tuple(name for name in RetrainingTables.model_fields if name not in _TRAINED)


def list_losses(before: Order, after: Order, root: Path) -> list[str]:
    """List the differences between two orders for which trained models in a run folder would be replaced.

    Args:
        before: the order of the run folder.
        after: the order to build there.
        root: the run folder.

    Returns:
        For example ["alpha 0.35 → 1", "epochs 4 → 10"]; empty if nothing that is trained would be lost.
    """
    changes = list_changes(before, after, root) if has_trained(root) else []
    return [*changes, *(_list_differences(before, after, _RETRAINED) if has_trained(root, "retrain-*") else ())]


def has_trained(root: Path, pattern: str = "*train*") -> bool:
    """Return whether a run folder has a finished stage that trains."""
    return any((folder / stage_file_name(folder.name)).is_file() for folder in root.glob(pattern))


def list_changes(before: Order, after: Order, root: Path) -> list[str]:
    """List the differences between two orders that give another trained model or another target of the same name.

    Args:
        before: the order of the run folder.
        after: another order.
        root: the run folder.
    """
    changes = [*_list_differences(before, after, _TRAINED), *_list_replaced_targets(before, after)]
    if not _are_same_photos(before, after, root):
        changes.insert(0, f"photos {before.photos or _DIGITS} → {after.photos or _DIGITS}")
    for name in ("test", "exclude"):
        old, new = getattr(before, name), getattr(after, name)
        if (old and old.resolve()) != (new and new.resolve()):
            changes.append(f"{name} {old or 'none'} → {new or 'none'}")
    return changes


def list_photo_changes(before: Dataset, after: Dataset) -> list[str]:
    """List how the photos of a folder changed since they were divided into their parts, in words."""
    old, new = _map_photos(before), _map_photos(after)
    added, removed = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    # The same photo in another class or in another part.
    moved = sum(old[sha256] != new[sha256] for sha256 in old.keys() & new.keys())
    changes = [f"{count} {word}" for count, word in ((added, "added"), (removed, "removed"), (moved, "moved")) if count]
    if before.classes != after.classes:
        changes.append(f"classes {', '.join(before.classes)} → {', '.join(after.classes)}")
    # The same photos with other names: near duplicates are grouped in the order of the names.
    return changes or ["their order changed"]


def _list_differences(before: Order, after: Order, tables: tuple[str, ...]) -> list[str]:
    """List the differences between the recipes of two orders in some tables, by the names of their options."""
    names = map_options(BuildOptions)
    return [
        f"{names.get((table, key), f'{table}.{key}').removeprefix('--')} {old} → {new}"
        for table in tables
        for key, old, new in _compare_tables(before.recipe, after.recipe, table)
    ]


def _compare_tables(before: Recipe, after: Recipe, table: str) -> Iterator[tuple[str, str, str]]:
    """Yield key, old and new value of every difference between two recipes in one table."""
    old, new = getattr(before, table), getattr(after, table)
    if _are_same_files(old, new):
        return
    for key in type(old).model_fields:
        if getattr(old, key) != getattr(new, key):
            yield key, _format_value(getattr(old, key)), _format_value(getattr(new, key))


def _are_same_files(old: RecipeTable, new: RecipeTable) -> bool:
    """Return whether two tables are equal, or name files of the same content."""
    try:
        return old == new or resolve_key(old) == resolve_key(new)
    # One of the files is not there any more, so nothing is known of it.
    except OSError:
        return False


def _are_same_photos(before: Order, after: Order, root: Path) -> bool:
    """Return whether two orders name the same folder of photos, or one that was moved."""
    if before.photos is None or after.photos is None:
        return before.photos is after.photos
    if before.photos.resolve() == after.photos.resolve():
        return True
    finished = read_finished_stage(root / "ingest", Dataset)
    # Photos of a test folder of its own are not among those of the folder that is compared.
    if finished is None or after.test:
        return False
    dataset = finished.record
    photos = {photo.path: photo.sha256 for part in (dataset.train, dataset.validation, dataset.test) for photo in part}
    names = {*photos, *(left_out.path for left_out in dataset.left_out)}
    layout = after.recipe.photos
    folder = photo_folder.scan_photos(
        after.photos,
        layout=layout.layout,
        label_from=layout.label_from,
        multi_label=layout.multi_label,
        label_separator=layout.label_separator,
    )
    # Names first: reading the content of every photo takes longer.
    return (
        set(folder.paths) <= names
        and photos.keys() <= set(folder.paths)
        and all(hash_file(folder.root / path) == sha256 for path, sha256 in photos.items())
    )


def _list_replaced_targets(before: Order, after: Order) -> list[str]:
    """List the targets of one id that are described in two different folders."""
    sources = {target.id: target.source.resolve() for target in before.targets}
    return [
        f"target {target.id} {sources[target.id]} → {target.source.resolve()}"
        for target in after.targets
        if sources.get(target.id, target.source.resolve()) != target.source.resolve()
    ]


def _map_photos(dataset: Dataset) -> dict[str, tuple[str, str]]:
    """Map the sha256 of every photo to its part and its class, or its labels."""
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {
        photo.sha256: (part, ", ".join(dataset.classes[label] for label in photo.list_classes()))
        for part, photos in parts.items()
        for photo in photos
    }


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value != "" else "none"
