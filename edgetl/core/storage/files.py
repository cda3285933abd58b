"""Files and folders that are complete or absent, JSON files, and the hash of a file."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetl.core.errors import ConfigError
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, explain_os_error, open_regular, read_regular

# Names of unfinished files and folders. They are created beside their final path, because a rename is atomic only
# within one file system.
UNFINISHED = ".*.tmp"


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal.

    Raises:
        OSError: the file cannot be read, or it is no regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_model(path: Path) -> str:
    """Return the sha256 of a model: of its file, or of the names and the contents of all files of its folder.

    Raises:
        OSError: a file cannot be read, or it is no regular file.
    """
    if not path.is_dir():
        return hash_file(path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    lines = "".join(f"{hash_file(path / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Write a file. Readers see either the old or the new content, never a part of it.

    Raises:
        OSError: the file cannot be written. The old content is still there.
    """
    unfinished = _name_unfinished(path)
    try:
        with unfinished.open("xb") as file:
            file.write(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file as `write_file` does."""
    write_file(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """Write an indented JSON file as `write_file` does."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path, *, hint: str) -> dict[str, Any]:
    """Read a JSON object of a run folder.

    Args:
        path: the file, not a link.
        hint: hint of the error, the next command to type.

    Raises:
        ConfigError: the file cannot be read, is no regular file or too large, or it is not a JSON object.
    """
    try:
        value = parse_json(read_regular(path, LARGEST_RECORD_BYTES, follow_links=False))
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {explain_os_error(error)}", where=(path,), hint=hint) from error
    except ValueError as error:
        raise ConfigError(f"the file cannot be read: {error}", where=(path,), hint=hint) from error
    if not isinstance(value, dict):
        raise ConfigError("the file is not a JSON object", where=(path,), hint=hint)
    return value


def parse_json(content: bytes | str) -> Any:
    """Parse JSON that somebody else may have written.

    Raises:
        ValueError: no JSON, no UTF-8, or nested too deeply.
    """
    try:
        return json.loads(content)
    # Python's parser recurses into nested values: thousands of brackets exceed the recursion limit.
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


@contextmanager
def create_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder. It is renamed to `path` at the end of the block, and removed if the block fails.

    `path` is not created if the block removes the folder, or if another process has created `path` meanwhile.

    Raises:
        OSError: the folder cannot be created.
    """
    unfinished = _name_unfinished(path)
    unfinished.mkdir()
    try:
        yield unfinished
        # What another process has created under this path has the same content.
        if unfinished.exists() and not path.exists():
            unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _name_unfinished(path: Path) -> Path:
    """Return a path beside `path` that no other process or thread uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
