"""Photos → groups of near duplicates, named by content. A scene that fills the data set is divided into bursts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgetl.core.photos.groups.bursts import is_burst, name_bursts
from edgetl.core.photos.groups.usable_photo import UsablePhoto, stack_thumbnails
from edgetl.core.photos.parts.duplicate_groups import group_near_duplicates

_NEAR = "near duplicates"


def name_near_duplicates(photos: Sequence[UsablePhoto], training: float) -> tuple[list[UsablePhoto], list[str]]:
    """Give near duplicates of each other a group. Photos that have a group keep it.

    A group with more photos of a class than training may have is divided into bursts of consecutive names.

    Args:
        photos: not yet in parts.
        training: fraction of the photos for training.

    Returns:
        The photos with their groups, in the same order, and sentences about the groups.
    """
    groups: list[list[int]] = []
    large: list[list[int]] = []
    # Photos of two preset parts cannot stay together: near duplicates of them are left out later.
    for part in (None, "validation", "test"):
        rows = [row for row, photo in enumerate(photos) if not photo.group and photo.preset_part == part]
        totals = Counter(photos[row].file.label for row in rows)
        for members in _list_groups(photos, rows):
            labels = Counter(photos[row].file.label for row in members)
            is_large = any(count > training * totals[label] for label, count in labels.items())
            (large if is_large else groups).append(members)
    names = {row: _name(photos, members) for members in (*groups, *large) for row in members}
    notes = _describe(photos, groups)
    for members in large:
        bursts = name_bursts([photos[row].file.path for row in members])
        divided = sum(map(bool, bursts)) > len(members) / 2
        if divided:
            names |= {row: burst for row, burst in zip(members, bursts, strict=True) if burst}
        notes.append(_describe_scene(len(members), len(photos), len(set(bursts) - {""}) if divided else 0))
    return [replace(photo, group=names.get(row, photo.group)) for row, photo in enumerate(photos)], notes


def list_near_groups(groups: Iterable[tuple[str, str]]) -> list[list[str]]:
    """List the paths of the photos in each group of near duplicates.

    Args:
        groups: path of each photo and the name of its group.
    """
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for path, name in groups:
        if name.startswith(_NEAR):
            paths[name].append(path)
    return list(paths.values())


def _list_groups(photos: Sequence[UsablePhoto], rows: list[int]) -> list[list[int]]:
    """List the rows of each group of two photos or more."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    roots = group_near_duplicates(stack_thumbnails([photos[row] for row in rows])).tolist()
    for row, root in zip(rows, roots, strict=True):
        members[root].append(row)
    return [group for group in members.values() if len(group) > 1]


def _name(photos: Sequence[UsablePhoto], members: Sequence[int]) -> str:
    # A name by content: renaming a photo must not move its group to another part.
    return f"{_NEAR} {min(photos[row].facts.sha256 for row in members)[:16]}"


def _describe(photos: Sequence[UsablePhoto], groups: Sequence[Sequence[int]]) -> list[str]:
    if not groups:
        return []
    bursts = sum(is_burst([photos[row].file.path for row in members]) for members in groups)
    count = sum(map(len, groups))
    each = "their group" if len(groups) == 1 else f"each of {len(groups)} groups"
    note = f"{count} photos are near duplicates of others: {each} stays in one part"
    return [f"{note}; bursts with consecutive names: {bursts}" if bursts else note]


def _describe_scene(count: int, total: int, bursts: int) -> str:
    scene = f"{count} of {total} photos are near duplicates of each other, as those of a fixed camera are"
    if not bursts:
        return f"{scene}; their names have no consecutive numbers, so they stay together in one part"
    return (
        f"{scene}: they are divided into {bursts} bursts of consecutive names. Test photos resemble training photos, "
        "so the accuracy holds for this scene only"
    )
