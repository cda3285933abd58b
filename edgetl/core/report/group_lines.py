"""A dataset with groups → sentences: how many groups each part has, and how they came about."""

from edgetl.core.records import Dataset, Photo


def describe_groups(dataset: Dataset) -> list[str]:
    """Describe the groups of a dataset, one sentence a line; nothing if no photo is in a group."""
    parts = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if not any(photo.group for photos in parts.values() for photo in photos):
        return list(dataset.notes)
    counts = ", ".join(f"{count_groups(photos)} {name}" for name, photos in parts.items())
    return [*dataset.notes, f"groups that no part shares, a photo without a group counting as one: {counts}"]


def count_groups(photos: tuple[Photo, ...]) -> int:
    """Count the groups of photos; a photo without a group is one of its own."""
    return len({photo.group for photo in photos if photo.group}) + sum(not photo.group for photo in photos)
