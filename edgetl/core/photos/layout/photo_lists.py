"""CSV files that list photos with their labels: one label column, or Roboflow's one column for each class."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.names import find_part, normalize_name
from edgetl.core.records import Part
from edgetl.core.storage.regular_files import explain_os_error, open_regular, read_regular

ONE_HOT_NAME = "_classes.csv"
_PATH_COLUMNS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "fname"),
    *("image", "image_path", "image_name", "image index", "img", "img_path"),
)
_LABEL_COLUMNS = (
    *("label", "class", "class_name", "category", "species", "target"),
    *("labels", "classes", "categories", "tags", "targets", "finding labels"),
)
_PART_COLUMNS = ("part", "split", "subset")
_HINT = "the first line names the columns, as in: path,label"
# A list of a million photos has about 60 MB.
_MOST_BYTES = 256 * 1024 * 1024
_LONGEST_HEADER_BYTES = 1024 * 1024
# More photos with several labels are no mistakes in the list.
SEVERAL_LIMIT = 0.05
SEVERAL_HINT = "--multi-label builds a model with several labels for a photo"
_MOST_NAMED = 5
_COUNTED, _NO_LABEL = " labels in the list", "no label in the list"


@dataclass(frozen=True, slots=True)
class ListedPhoto:
    """A line of a list: path of the photo, its label ("" if it has none), its part if there is such a column.

    Where a photo may have several labels, they are in `labels`, and `label` is "".
    """

    path: str
    label: str
    part: Part | None
    problem: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListColumns:
    """Positions of the columns; `label` is -1 where every class has a column of its own, `part` where there is none."""

    path: int
    label: int
    part: int


def is_photo_list(file: Path, *, multi_label: bool = False) -> bool:
    """Return whether the first line of a CSV file names a column of paths and one of labels, or one for each class.

    Args:
        file: a CSV file.
        multi_label: whether each of two columns or more beside the path may be a label, whatever the file's name is.
    """
    try:
        with open_regular(file, _MOST_BYTES) as lines:
            rows = _read_rows(lines.readline(_LONGEST_HEADER_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return bool(rows) and _find_columns(rows[0], file, one_hot=multi_label) is not None


def read_photo_list(file: Path) -> tuple[ListedPhoto, ...]:
    """Read the photos of a CSV file, in its order. Paths are as they are written in it, with forward slashes.

    Raises:
        DataError: not a CSV file in UTF-8 with a path and a label column, an unknown part, no lines, or many photos
            with several labels.
    """
    rows, columns = open_list(file)
    names = [name.strip() for name in rows[0]]
    photos = tuple(_read_photo(row, names, columns, f"{file}:{line}") for line, row in enumerate(rows[1:], 2) if row)
    if not photos:
        raise DataError("the list names no photo", where=[file], hint=_HINT)
    several = [
        f"{photo.path}: {photo.label or photo.problem}"
        for photo in photos
        if photo.problem not in ("", f"0{_COUNTED}", _NO_LABEL)
        or sum(map(bool, photo.label.replace("|", ";").split(";"))) > 1
    ]
    if len(several) > SEVERAL_LIMIT * len(photos):
        raise DataError(
            f"{len(several)} of {len(photos)} photos have several labels in the list",
            where=[file, *several[:_MOST_NAMED]],
            hint=SEVERAL_HINT,
        )
    return photos


def read_list_column(file: Path, column: str) -> dict[str, str]:
    """Read a column of a list by its name, in any case: path of each photo → value.

    Raises:
        DataError: no list of photos, see `read_photo_list`, or no such column; the error names the columns.
    """
    rows, columns = open_list(file, one_hot=True)
    names = [name.strip().lower() for name in rows[0]]
    if column.strip().lower() not in names:
        known = ", ".join(name.strip() for name in rows[0])
        raise DataError(f"the list has no column {column!r}", where=[file], hint=f"its columns are {known}")
    position = names.index(column.strip().lower())
    # `read_photo_list` has refused lines of another length.
    return {read_path(row, columns): row[position].strip() for row in rows[1:] if len(row) == len(names)}


def open_list(file: Path, *, one_hot: bool = False) -> tuple[list[list[str]], ListColumns]:
    """Read the lines of a list, the names of the columns first, and find its columns.

    Args:
        file: a CSV file.
        one_hot: whether every class may have a column of its own in any file, and not in Roboflow's only.

    Raises:
        DataError: see `read_photo_list`.
    """
    try:
        rows = _read_rows(read_regular(file, _MOST_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"the list cannot be read: {explain_os_error(error)}", where=[file]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"the list is not a CSV file in UTF-8: {error}", where=[file], hint=_HINT) from error
    columns = _find_columns(rows[0], file, one_hot=one_hot) if rows else None
    if columns is None:
        known = f"a path column is one of {', '.join(_PATH_COLUMNS)}, a label column one of {', '.join(_LABEL_COLUMNS)}"
        columns_text = f"columns: {', '.join(rows[0])[:200]}" if rows else "an empty file"
        if rows and not one_hot and _find_columns(rows[0], file, one_hot=True):
            known += f"; where each label has a column of 0 and 1: {SEVERAL_HINT}"
        raise DataError("the list has no path and label columns", where=[file, columns_text], hint=known)
    return rows, columns


def read_path(row: Sequence[str], columns: ListColumns) -> str:
    """Return the path of a photo in a line of a list."""
    return row[columns.path].strip().replace("\\", "/").removeprefix("./")


def _read_rows(text: str) -> list[list[str]]:
    first = text.partition("\n")[0]
    # The sniffer of the standard library guesses from the content, and is wrong about spaces in names.
    delimiter = max(",;\t", key=first.count)
    return list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))


def _find_columns(header: Sequence[str], file: Path, *, one_hot: bool) -> ListColumns | None:
    names = [name.strip().lower() for name in header]
    path = _find_column(names, _PATH_COLUMNS)
    # In Roboflow's file, a column named label is one of the classes.
    is_roboflow = file.name.lower() == ONE_HOT_NAME and len(names) > 2
    label = -1 if is_roboflow else _find_column(names, _LABEL_COLUMNS)
    if path < 0 or (label < 0 and not is_roboflow and not (one_hot and len(names) > 2)):
        return None
    return ListColumns(path, label, _find_column(names, _PART_COLUMNS))


def _find_column(names: Sequence[str], known: Sequence[str]) -> int:
    return next((names.index(name) for name in known if name in names), -1)


def _read_photo(row: Sequence[str], names: Sequence[str], columns: ListColumns, place: str) -> ListedPhoto:
    if len(row) != len(names):
        raise DataError(f"the line has {len(row)} values, the first line {len(names)} names", where=[place])
    path, part = read_path(row, columns), read_part(row, columns, place)
    if columns.label >= 0:
        label = normalize_name(row[columns.label].strip())
        return ListedPhoto(path, label, part, "" if label else _NO_LABEL)
    chosen = [name for position, name in enumerate(names) if position != columns.path and _is_one(row[position])]
    problem = "" if len(chosen) == 1 else f"{len(chosen)}{_COUNTED}"
    return ListedPhoto(path, normalize_name(chosen[0]) if len(chosen) == 1 else "", part, problem)


def _is_one(value: str) -> bool:
    return value.strip() in ("1", "1.0", "true", "True")


def read_part(row: Sequence[str], columns: ListColumns, place: str) -> Part | None:
    """Return the part in a line of a list; None if there is none.

    Raises:
        DataError: an unknown part; the error names the place of the line.
    """
    value = row[columns.part].strip() if columns.part >= 0 else ""
    part = find_part(value)
    if value and part is None:
        raise DataError(f"unknown part {value!r}", where=[place], hint="a part is train, val or test")
    return part
