"""CSV files that list photos with several labels each: one column of 0 and 1 for each label, or all in one cell."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.names import normalize_name
from edgetl.core.photos.layout.photo_lists import ListColumns, ListedPhoto, open_list, read_part, read_path

LabelSeparator = Literal["auto", "semicolon", "pipe", "comma", "space", "none"]

SEPARATORS: dict[LabelSeparator, str] = {"semicolon": ";", "pipe": "|", "comma": ",", "space": " "}
# Names of labels rarely contain one of these; a space is part of many.
_USUAL = ";|,"
_PRESENT, _ABSENT = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")
# What lists have where it is not known whether a photo has a label.
_UNKNOWN = ("", "-1", "-1.0", "nan", "na", "n/a", "?", "u", "none", "null")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class LabelList:
    """A list of photos with several labels each.

    Attributes:
        names: the labels with a column of their own; empty where labels are in one cell.
        photos: the photos, with their labels.
        notes: sentences about how the list was read.
    """

    names: tuple[str, ...]
    photos: tuple[ListedPhoto, ...]
    notes: tuple[str, ...] = ()


def read_label_list(file: Path, separator: LabelSeparator) -> LabelList:
    """Read the photos of a CSV file and their labels, in its order.

    A column named label, labels, tags and so on has all labels of a photo in one cell, separated by `separator`; "auto"
    is a semicolon, a vertical line or a comma. A photo in several lines has the labels of all of them. Without such a
    column, every column of 0 and 1 is a label.

    Raises:
        DataError: not a list, labels that may be separated by spaces, or a label of which it is not known whether a
            photo has it.
    """
    rows, columns = open_list(file, one_hot=True)
    names = [name.strip() for name in rows[0]]
    lines = [(row, f"{file}:{line}") for line, row in enumerate(rows[1:], 2) if row]
    for row, place in lines:
        if len(row) != len(names):
            raise DataError(f"the line has {len(row)} values, the first line {len(names)} names", where=[place])
    if not lines:
        raise DataError("the list names no photo", where=[file], hint="the first line names the columns")
    # A label may have the name of such a column.
    is_label = columns.label >= 0 and {row[columns.label].strip().lower() for row, _ in lines} <= {*_PRESENT, *_ABSENT}
    if columns.label >= 0 and not is_label:
        return _read_cells(file, lines, columns, separator)
    return _read_columns(file, lines, columns, names)


def split_labels(cell: str, separator: LabelSeparator) -> tuple[str, ...]:
    """Split a cell into its labels, in their order, each once. Brackets and quotes of a Python or JSON list go away."""
    text, marks = cell.strip(), _USUAL if separator == "auto" else SEPARATORS.get(separator, "")
    if text.startswith("[") and text.endswith("]"):
        text, marks = text[1:-1], marks or ","
    for mark in marks:
        text = text.replace(mark, "\n")
    labels = (normalize_name(label.strip().strip("'\"").strip()) for label in text.split("\n"))
    return tuple(dict.fromkeys(label for label in labels if label))


def _read_cells(
    file: Path, lines: Sequence[tuple[list[str], str]], columns: ListColumns, separator: LabelSeparator
) -> LabelList:
    cells = [row[columns.label] for row, _ in lines]
    if separator == "auto":
        _check_spaces(file, cells, [read_path(row, columns) for row, _ in lines])
    photos = tuple(
        ListedPhoto(
            read_path(row, columns),
            "",
            read_part(row, columns, place),
            labels=split_labels(row[columns.label], separator),
        )
        for row, place in lines
    )
    return LabelList((), photos)


def _check_spaces(file: Path, cells: Sequence[str], paths: Sequence[str]) -> None:
    """Refuse a list whose labels are separated by spaces, or by nothing: only the user knows which."""
    separated = any(mark in cell for cell in cells for mark in _USUAL) or len(set(paths)) < len(paths)
    spaced = list(dict.fromkeys(cell.strip() for cell in cells if " " in cell.strip()))
    if spaced and not separated:
        raise DataError(
            f"spaces may separate labels in the list, or be part of their names, as in {spaced[0]!r}",
            where=[file],
            hint="--label-separator space, or --label-separator none where each of these is one label",
        )


def _read_columns(
    file: Path, lines: Sequence[tuple[list[str], str]], columns: ListColumns, names: Sequence[str]
) -> LabelList:
    labels: dict[int, str] = {}
    others = []
    for position, name in enumerate(names):
        if position in (columns.path, columns.part):
            continue
        values = {row[position].strip().lower() for row, _ in lines}
        if values <= {*_PRESENT, *_ABSENT}:
            labels[position] = normalize_name(name)
        elif values <= {*_PRESENT, *_ABSENT, *_UNKNOWN}:
            _refuse_unknown(lines, position, name)
        else:
            others.append(name)
    _check_columns(file, list(labels.values()), others)
    photos = tuple(
        ListedPhoto(
            read_path(row, columns),
            "",
            read_part(row, columns, place),
            labels=tuple(name for position, name in labels.items() if row[position].strip().lower() in _PRESENT),
        )
        for row, place in lines
    )
    notes = (f"columns of {file.name} that are no labels, for want of 0 and 1: {', '.join(others)}",) if others else ()
    return LabelList(tuple(labels.values()), photos, notes)


def _refuse_unknown(lines: Sequence[tuple[list[str], str]], position: int, name: str) -> None:
    places = [
        f"{place}: {row[position].strip()!r}" for row, place in lines if row[position].strip().lower() in _UNKNOWN
    ]
    raise DataError(
        f"the list does not say for {len(places)} photos whether they have the label {name}",
        where=places[:_MOST_NAMED],
        hint="write 0 or 1 on every line, or remove these lines or the column from the list",
    )


def _check_columns(file: Path, labels: Sequence[str], others: Sequence[str]) -> None:
    problem = ""
    if len(labels) < 2:
        problem = f"{len(labels)} columns of 0 and 1, and no column of labels; other columns: {', '.join(others)[:200]}"
    elif "" in labels:
        problem = "a column of 0 and 1 has no name"
    elif len(set(labels)) < len(labels):
        twice = next(name for name in labels if labels.count(name) > 1)
        problem = f"two columns have the name {twice}"
    if problem:
        raise DataError(
            "the list has no labels",
            where=[file, problem],
            hint="two columns or more of 0 and 1, one for each label, or a column labels, as in: path,labels",
        )


def mark_labels(labels: Collection[int], count: int) -> tuple[int, ...]:
    """Return 1 for each of `count` labels that is among the labels, and 0 for the others."""
    return tuple(int(label in labels) for label in range(count))


def find_rarest_labels(labels: Sequence[tuple[int, ...]]) -> list[int]:
    """Return the index of the rarest label of each photo; the number of labels for a photo without any.

    Args:
        labels: for each photo, 1 or 0 for each label.
    """
    counts = [sum(column) for column in zip(*labels, strict=True)]
    return [
        min(
            (label for label, value in enumerate(row) if value),
            key=lambda label: (counts[label], label),
            default=len(row),
        )
        for row in labels
    ]
