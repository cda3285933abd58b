"""Class names of the parts of a folder or list → the classes, sorted, or why they cannot be used."""

import os
from collections import Counter
from collections.abc import Sequence

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.labelled_files import LabelledFile
from edgetl.core.records import Part


def unite_class_names(names: dict[Part | None, set[str]], hidden: Sequence[LabelledFile]) -> tuple[str, ...]:
    """Check the class names of all parts, which must be the same, and sort them.

    Args:
        names: class names by part.
        hidden: folders that are no classes, because their names begin with a dot.

    Raises:
        DataError: parts with different classes; see `check_class_names`.
    """
    classes = set().union(*names.values())
    missing = [f"{part}: no {name}" for part, present in names.items() for name in sorted(classes - present)]
    if missing:
        folded = Counter(name.casefold() for name in classes)
        alike = sorted(name for name in classes if folded[name.casefold()] > 1)
        hint = (
            f"{' and '.join(alike)} differ in case only: rename one"
            if alike
            else "add the missing folders or rename them"
        )
        raise DataError("the parts have different classes", where=missing, hint=hint)
    return check_class_names(classes, hidden)


def check_class_names(classes: set[str], hidden: Sequence[LabelledFile]) -> tuple[str, ...]:
    """Check that there are several classes, with names that can be written, and sort them.

    Args:
        classes: class names.
        hidden: see `unite_class_names`.

    Raises:
        DataError: fewer than two classes, or a name that is not UTF-8 or not one line.
    """
    # labels.txt has one class on each line.
    broken = [name for name in sorted(classes) if name.splitlines() != [name]]
    if broken:
        raise DataError(f"the class {broken[0]!r} cannot be written on one line", hint="rename its folder")
    not_utf8 = [name for name in classes if os.fsencode(name).decode("utf-8", "replace") != name]
    if not_utf8:
        raise DataError(f"{len(not_utf8)} class folders have names that are not UTF-8", hint="rename them")
    if len(classes) < 2:
        problem = f"the folder has only one class ({classes.copy().pop()})" if classes else "no class folder"
        raise DataError(
            problem,
            where=[f"{folder.path}: {folder.reason}" for folder in hidden],
            hint="a classifier needs two classes or more: add a folder, for example of other things",
        )
    return tuple(sorted(classes))
