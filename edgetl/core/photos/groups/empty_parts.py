"""Parts without photos: why, and what to do."""

from collections.abc import Collection, Iterable, Sequence

from edgetl.core.photos.groups.near_groups import list_near_groups
from edgetl.core.photos.groups.usable_photo import UsablePhoto
from edgetl.core.records import Part


def list_empty_parts(photos: Sequence[UsablePhoto]) -> list[Part]:
    """List validation and test, if no photo is in them."""
    parts: tuple[Part, ...] = ("validation", "test")
    return [part for part in parts if all(photo.part != part for photo in photos)]


def explain_cause(photos: Sequence[UsablePhoto], reasons: Iterable[str]) -> str:
    """Return why a part is empty, as in ": 30 near duplicates are left out"; "" if groups have nothing to do with it.

    Args:
        photos: the photos that are left.
        reasons: why others are left out.
    """
    left_out = _count_left_out(reasons)
    if left_out:
        return f": {left_out} near duplicates of photos in other parts are left out"
    near = list_near_groups((photo.file.path, photo.group) for photo in photos)
    if near:
        count = sum(map(len, near))
        return f": {count} of {len(photos)} photos are in {_count_groups(len(near))} of near duplicates"
    grouped = [photo.group for photo in photos if photo.group]
    return f": {len(grouped)} of {len(photos)} photos are in {_count_groups(len(set(grouped)))}" if grouped else ""


def suggest_remedy(photos: Sequence[UsablePhoto], reasons: Collection[str]) -> str:
    """Return what to do about an empty part. Arguments: see `explain_cause`."""
    if _count_left_out(reasons):
        return "--near-duplicates group keeps near duplicates together in one part instead"
    if list_near_groups((photo.file.path, photo.group) for photo in photos):
        return (
            "add photos of other scenes, bring test photos with --test DIR, or name the groups with --group-by; "
            "--near-duplicates keep splits near duplicates at random, and then the accuracy is too good"
        )
    if any(photo.group for photo in photos):
        return "add photos of other groups, or make smaller groups with --group-by"
    return "add photos; copies of a photo count once"


def _count_left_out(reasons: Iterable[str]) -> int:
    return sum(reason.startswith("near duplicate of") for reason in reasons)


def _count_groups(count: int) -> str:
    return "one group" if count == 1 else f"{count} groups"
