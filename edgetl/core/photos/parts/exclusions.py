"""A CSV file of photos that are not to be used, as suspects.csv of `edgetl inspect` → the folder without them."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from edgetl.core.errors import DataError
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.records import LeftOut
from edgetl.core.screen.printable import escape_controls
from edgetl.core.storage.regular_files import explain_os_error, read_regular

_MOST_BYTES = 64 * 1024 * 1024
_MOST_NAMED = 5
_COLUMN = "path"


def read_exclusions(file: Path) -> tuple[str, ...]:
    """Read the paths of a CSV file with a column "path", in its order, each once. Other columns are for people.

    Commas, semicolons and tabs separate columns, because spreadsheets of different countries write them.

    Raises:
        DataError: the file cannot be read, is no CSV file in UTF-8, or has no such column.
    """
    hint = "the first line names the columns, one of them path, as in suspects.csv of edgetl inspect"
    try:
        text = read_regular(file, _MOST_BYTES).decode("utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True))
    except OSError as error:
        raise DataError(f"--exclude: the file cannot be read: {explain_os_error(error)}", where=[file]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"--exclude: not a CSV file in UTF-8: {error}", where=[file], hint=hint) from error
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if _COLUMN not in names:
        raise DataError(f"--exclude: the file has no column {_COLUMN}", where=[file], hint=hint)
    column = names.index(_COLUMN)
    short = [f"line {line}" for line, row in enumerate(rows[1:], 2) if row and len(row) <= column]
    if short:
        raise DataError("--exclude: lines without a path", where=[file, *short[:_MOST_NAMED]], hint=hint)
    # A file name may begin or end with a space.
    return tuple(dict.fromkeys(row[column] for row in rows[1:] if row and row[column].strip()))


def exclude_photos(folder: PhotoFolder, file: Path) -> PhotoFolder:
    """Return a folder whose photos named in a file are left out.

    A path is relative to the folder, as in suspects.csv, or absolute. "./" before it means nothing. Control characters
    may be written as the escape sequences of suspects.csv.

    Args:
        folder: from `scan_photos`, with the photos of --test if there are any.
        file: see `read_exclusions`.

    Raises:
        DataError: the file cannot be read, or a path is none of a photo. The error names the first five.
    """
    known = {*folder.paths, *(entry.path for entry in folder.left_out)}
    escaped = {escape_controls(path): path for path in known if not path.isprintable()}
    excluded, unknown = set(), []
    for text in read_exclusions(file):
        path = _find_path(text, folder.root, known, escaped)
        if path is None:
            unknown.append(text)
        else:
            excluded.add(path)
    if unknown:
        more = [f"and {len(unknown) - _MOST_NAMED} more"] if len(unknown) > _MOST_NAMED else []
        count = "one path is" if len(unknown) == 1 else f"{len(unknown)} paths are"
        raise DataError(
            f"--exclude: {count} not among the photos",
            where=[file, folder.root, *unknown[:_MOST_NAMED], *more],
            hint="delete these lines, or give the PHOTOS that the file was made for: paths are relative to them",
        )
    reason = name_exclusion(file)
    dropped = (LeftOut(path=entry.path, reason=reason) for entry in folder.files if entry.path in excluded)
    return replace(
        folder,
        files=tuple(entry for entry in folder.files if entry.path not in excluded),
        left_out=(*folder.left_out, *dropped),
    )


def name_exclusion(file: Path) -> str:
    """Return the reason for which photos that a file names are left out."""
    return f"excluded by {file.name}"


def _find_path(text: str, root: Path, known: set[str], escaped: dict[str, str]) -> str | None:
    """Return the path of a photo as the folder has it; None if there is none."""
    slashes = text.replace("\\", "/")
    candidates = [text, *(form.removeprefix("./") for form in (text, slashes, text.strip(), slashes.strip()))]
    if Path(text).is_absolute() and Path(text).is_relative_to(root):
        candidates.append(Path(text).relative_to(root).as_posix())
    for candidate in candidates:
        if candidate in known:
            return candidate
        if candidate in escaped:
            return escaped[candidate]
    return None
