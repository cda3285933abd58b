"""The cache folder: everything in it can be computed again. Errors of its disk become EdgetlErrors with a hint."""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetl.core.errors import EdgetlError
from edgetl.core.storage import files

STALE_S = 24 * 3600


def locate_cache() -> Path:
    """Return `$XDG_CACHE_HOME/edgetl`, by default `~/.cache/edgetl`. Deleting it costs time, never results.

    Source: XDG Base Directory Specification 0.8, which also says to ignore a relative `$XDG_CACHE_HOME`.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "edgetl"


@contextmanager
def create_folder(path: Path) -> Iterator[Path]:
    """Create a folder in the cache as `files.create_folder` does, with its parents.

    Raises:
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    with _explain_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.create_folder(path) as unfinished:
            yield unfinished


def write_file(path: Path, content: bytes) -> None:
    """Write a file in the cache as `files.write_file` does, with its parents.

    Raises:
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    with _explain_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_file(path, content)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process left unfinished, once it is a day old: no process is still writing it then."""
    for path in folder.glob(files.UNFINISHED):
        try:
            changed_s = path.stat().st_mtime
        except FileNotFoundError:  # Another process has just finished it, and it has its final name now.
            continue
        if time.time() - changed_s <= STALE_S:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _explain_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise EdgetlError(
            "the disk is full" if full else f"the cache cannot be written: {error.strerror or error}",
            where=[folder],
            hint="free some space there, or point XDG_CACHE_HOME at a folder on a larger disk"
            if full
            else "make the folder writable, or point XDG_CACHE_HOME elsewhere",
        ) from error
