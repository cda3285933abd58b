"""In: the environment. Out: the folder for what can be made again, and files that appear there whole."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetl.core.errors import EdgetlError

STALE_S = 24 * 3600


def locate_cache() -> Path:
    """`$XDG_CACHE_HOME/edgetl`, by default `~/.cache/edgetl`. Deleting it costs time, never results.

    Source: XDG Base Directory Specification 0.8, which also says to ignore a relative `$XDG_CACHE_HOME`.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "edgetl"


@contextmanager
def create_folder(target: Path) -> Iterator[Path]:
    """A new folder to write into, which becomes `target` at the end or leaves nothing behind. Removing it calls it off.

    Raises:
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    with _told(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
        try:
            yield part
            if part.exists():
                part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def remove_stale_parts(folder: Path) -> None:
    """Remove what a killed process left half written, once it is a day old and so surely nobody's."""
    for part in folder.glob(".part-*"):
        try:
            changed_s = part.stat().st_mtime
        except FileNotFoundError:  # Another process has just finished it, and it bears its own name now.
            continue
        if time.time() - changed_s <= STALE_S:
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def write_file(target: Path, content: bytes) -> None:
    """Write a file so that readers meet the old content or the new, never a half.

    Raises:
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    with _told(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", dir=target.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
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
