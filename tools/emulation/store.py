"""Folders in the user's cache that can be made again: complete or absent, and made by one process at a time."""

import fcntl
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from edgetl.core.errors import EdgetlError
from edgetl.core.storage import cache


class EmulationError(EdgetlError):
    """This machine cannot emulate a board. Tests that need a board are skipped with its message."""

    exit_code = 2


def locate_cached_folder(name: str, key: object) -> Path:
    """Return the path that `cache_folder` gives the folder, whether it exists or not."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return cache.locate_cache() / "emulation" / f"{name}-{digest}"


def cache_folder(name: str, key: object, make: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, filled by `make` if it does not exist.

    Args:
        name: begins the folder's name.
        key: everything that the content depends on, as JSON types.
        make: fills an empty folder. If it raises, nothing is kept.
    """
    folder = locate_cached_folder(name, key)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have made it while this one waited for the lock.
        if not folder.is_dir():
            with cache.create_cached_folder(folder) as unfinished:
                make(unfinished)
                # A root file system must be readable for all users of the board.
                unfinished.chmod(0o755)
    return folder
