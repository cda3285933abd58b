"""What can be made again, kept in the user's cache: there whole or not at all, made by one process at a time."""

import fcntl
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from edgetl.core.errors import EdgetlError
from edgetl.core.storage import cache


class CannotEmulate(EdgetlError):  # noqa: N818  (named after what cannot be, as edgetl's own are)
    """This machine lacks something that emulation needs: whoever can do without it goes on without it."""

    exit_code = 2


def kept(name: str, key: object, make: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled by `make` when it is asked for the first time.

    Args:
        name: begins the folder's name.
        key: all that its content depends on, in JSON's types.
        make: given an empty folder. Where it fails, nothing is kept.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache.locate_cache() / "emulation" / f"{name}-{digest}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with cache.create_folder(folder) as part:
                make(part)
                # A temporary folder is its maker's alone; a root file system is everybody's who lives in it.
                part.chmod(0o755)
    return folder
