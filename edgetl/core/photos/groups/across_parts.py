"""Photos in parts → the photos that stay: no group, and no near duplicate, is in two parts."""

from collections.abc import Sequence

from edgetl.core.photos import near_duplicates
from edgetl.core.photos.groups.usable_photo import DuplicateChoice, UsablePhoto, stack_thumbnails
from edgetl.core.records import Part

_LATER_PARTS: tuple[Part, ...] = ("validation", "test")


def remove_divided_groups(photos: Sequence[UsablePhoto], reasons: dict[str, str]) -> list[UsablePhoto]:
    """Remove photos whose group is also in an earlier part, and add why. Only preset parts divide groups.

    Args:
        photos: with their parts.
        reasons: why files are left out, by path.
    """
    part_of_group: dict[str, Part] = {}
    for part in ("train", *_LATER_PARTS):
        for photo in photos:
            if photo.group and photo.part == part:
                part_of_group.setdefault(photo.group, photo.part)
    selected = []
    for photo in photos:
        first = part_of_group.get(photo.group, photo.part)
        if first == photo.part:
            selected.append(photo)
        else:
            reasons[photo.file.path] = f"of group {photo.group}, also in {first}"
    return selected


def remove_near_duplicates(
    photos: Sequence[UsablePhoto], choice: DuplicateChoice, reasons: dict[str, str]
) -> list[UsablePhoto]:
    """Remove near duplicates of training photos from validation, then of training and validation photos from test.

    Args:
        photos: with their parts.
        choice: "drop" removes all of them, "group" those of photos in preset parts, which no group can move, "keep"
            none.
        reasons: why files are left out, by path.
    """
    if choice == "keep" or (choice == "group" and not any(photo.preset_part for photo in photos)):
        return list(photos)
    selected = [photo for photo in photos if photo.part == "train"]
    # Test last: a near duplicate that remains in validation must not be in test too.
    for part in _LATER_PARTS:
        in_part = [photo for photo in photos if photo.part == part]
        if choice == "drop":
            selected += _select(in_part, selected, reasons)
            continue
        preset = [photo for photo in in_part if photo.preset_part]
        drawn = [photo for photo in in_part if not photo.preset_part]
        selected += [
            *_select(drawn, [photo for photo in selected if photo.preset_part], reasons),
            *_select(preset, selected, reasons),
        ]
    return selected


def describe_near_duplicates(photos: Sequence[UsablePhoto]) -> list[str]:
    """Say how many validation and test photos are near duplicates of photos of other groups in earlier parts."""
    count = len(photos) - len(remove_near_duplicates(photos, "drop", {}))
    if not count:
        return []
    return [
        f"{count} validation and test photos are near duplicates of photos of other groups in earlier parts: "
        "--near-duplicates drop leaves them out"
    ]


def _select(
    photos: Sequence[UsablePhoto], earlier: Sequence[UsablePhoto], reasons: dict[str, str]
) -> list[UsablePhoto]:
    """Select the photos that are no near duplicates of photos in an earlier part."""
    matches = near_duplicates.find_near_duplicates(stack_thumbnails(photos), stack_thumbnails(earlier))
    for photo, match in zip(photos, matches, strict=True):
        if match >= 0:
            reasons[photo.file.path] = f"near duplicate of {earlier[match].file.path} in {earlier[match].part}"
    return [photo for photo, match in zip(photos, matches, strict=True) if match < 0]
