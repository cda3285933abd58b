"""Files and folders that appear whole or not at all, JSON files, and the hash of a file."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetl.core.errors import ConfigError

# Everything unfinished has a name of this form. It stands beside its final place, because a rename is atomic only
# within one file system.
UNFINISHED = ".*.tmp"


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new content, never a part.

    Raises:
        OSError: the file cannot be written; the old content is still there.
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
    """Read a JSON object.

    Raises:
        ConfigError: no such file, or not a JSON object; `hint` says what to give instead.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=(path,), hint=hint) from error
    if not isinstance(value, dict):
        raise ConfigError("not a JSON object", where=(path,), hint=hint)
    return value


@contextmanager
def create_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder to write into; it is renamed to `path` when the block ends, and removed when it fails.

    Nothing appears if the block removes the folder, or if `path` has been created by another process meanwhile.
    """
    unfinished = _name_unfinished(path)
    unfinished.mkdir()
    try:
        yield unfinished
        if unfinished.exists() and not path.exists():
            unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _name_unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
