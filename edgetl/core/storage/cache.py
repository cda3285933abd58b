"""The cache folder. Its content can be computed again. Errors of its disk become a ConfigError with a hint."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgetl.core.storage import files
from edgetl.core.storage.disk_errors import explain_disk_error

# After a day, no process is still writing an unfinished file. Its process was killed.
STALE_S = 24 * 3600


def locate_cache() -> Path:
    """Return `$XDG_CACHE_HOME/edgetl`, by default `~/.cache/edgetl`. The user may delete it at any time.

    Source: XDG Base Directory Specification 0.8. It requires that a relative `$XDG_CACHE_HOME` is ignored.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "edgetl"


@contextmanager
def create_cached_folder(path: Path) -> Iterator[Path]:
    """Create a folder in the cache as `files.create_folder` does. Missing parents are created too.

    Raises:
        ConfigError: the disk is full, or the cache cannot be written.
    """
    with _explain_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.create_folder(path) as unfinished:
            yield unfinished


def write_cached_file(path: Path, content: bytes) -> None:
    """Write a file in the cache as `files.write_file` does. Missing parents are created.

    Raises:
        ConfigError: the disk is full, or the cache cannot be written.
    """
    with _explain_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_file(path, content)


def drop_cached_folder(path: Path) -> None:
    """Remove a folder from the cache. Other processes see it whole or not at all, and can read what they have open.

    Raises:
        EdgetlError: the cache cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with _explain_errors(path.parent), suppress(FileNotFoundError):  # Another process has dropped it.
        path.rename(unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Remove unfinished files and folders that are older than `STALE_S`."""
    for path in folder.glob(files.UNFINISHED):
        try:
            changed_s = path.stat().st_mtime
        except FileNotFoundError:  # Another process has just finished and renamed it.
            continue
        if time.time() - changed_s <= STALE_S:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _explain_errors(folder: Path) -> Iterator[None]:
    """Replace an OSError by an error with a hint."""
    try:
        yield
    except OSError as error:
        raise explain_disk_error(error, [folder]) from error
