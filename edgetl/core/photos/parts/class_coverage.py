"""A dataset → the classes that have no photo in a part: they are not judged there, and no choice considers them."""

from edgetl.core.errors import DataError
from edgetl.core.records import Dataset, Part, Photo

_JUDGING_PARTS: tuple[Part, ...] = ("validation", "test")
_CLASSES_REMEDY = (
    "add photos of them: a class of three photos or groups, none with more than half of it, is in every part"
)
_LABELS_REMEDY = "add photos that have these labels"


def list_missing_classes(dataset: Dataset) -> dict[Part, tuple[str, ...]]:
    """List the classes without a photo in the validation and in the test part; parts that have all are left out."""
    missing: dict[Part, tuple[str, ...]] = {}
    for part in _JUDGING_PARTS:
        # Of several labels, the label of a photo is its rarest one only.
        present = {label for photo in dataset.part(part) for label in _list_labels(photo)}
        names = tuple(name for label, name in enumerate(dataset.classes) if label not in present)
        if names:
            missing[part] = names
    return missing


def describe_missing_classes(dataset: Dataset) -> list[str]:
    """Describe which classes are missing in which part, one sentence for each part, with what to do."""
    return [
        f"no {part} photo of {', '.join(names)}: "
        + ("nothing is known about their recall" if part == "test" else "the choice of epoch and method ignores them")
        + f"; {_LABELS_REMEDY if dataset.multi_label else _CLASSES_REMEDY}"
        for part, names in list_missing_classes(dataset).items()
    ]


def check_balanced_parts(dataset: Dataset) -> None:
    """Check that every class has validation and test photos, so that there is a balanced accuracy.

    Raises:
        DataError: names the classes that have none.
    """
    missing = list_missing_classes(dataset)
    if missing:
        raise DataError(
            "--contract balanced needs validation and test photos of every class",
            where=[f"no {part} photo of {', '.join(names)}" for part, names in missing.items()],
            hint="add photos of these classes, remove their folders, or leave out --contract balanced",
        )


def _list_labels(photo: Photo) -> list[int]:
    return [label for label, value in enumerate(photo.labels) if value] if photo.labels else [photo.label]
