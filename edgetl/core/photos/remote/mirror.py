"""Objects of a folder in object storage → files in the cache, in the same tree: only what changed is read.

`<cache>/remote/<hash of the URL>/<name>/` has the files, and `catalogue.json` beside it the size and version of each.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.interrupt import check_interrupt
from edgetl.core.photos.layout.names import is_photo_name
from edgetl.core.photos.pixels import MAX_BYTES
from edgetl.core.storage.cache import write_cached_file
from edgetl.core.storage.files import parse_json
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, read_regular, remove_entry

# Objects are small and far away: their reads are waited for at once.
_READERS = 16
_LONGEST_NAME_BYTES = 255
_CATALOGUE = "catalogue.json"
_LIST_SUFFIX = ".csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object: path in its folder, posix; size; and a text that changes with its content, such as the ETag."""

    path: str
    bytes: int
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MirrorPlan:
    """What a mirror needs.

    Attributes:
        reads: new and changed objects.
        removals: paths of files whose objects are gone.
        kept: path → size and version of what stays as it is.
    """

    reads: tuple[StoredObject, ...]
    removals: tuple[str, ...]
    kept: Mapping[str, tuple[int, str]]

    @property
    def bytes(self) -> int:
        """Size of what is read."""
        return sum(item.bytes for item in self.reads)


def select_objects(objects: Sequence[StoredObject]) -> list[StoredObject]:
    """Return photos and lists of photos, sorted by path.

    Raises:
        DataError: a name leads out of the folder, cannot be that of a file, or is that of a folder too.
    """
    selected = [item for item in objects if is_photo_name(item.path) or item.path.lower().endswith(_LIST_SUFFIX)]
    for item in selected:
        _check_path(item.path)
    paths = {item.path for item in selected}
    folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    if both := sorted(paths & folders):
        raise DataError("an object has the name of a folder", where=both[:5], hint="rename one of them")
    return sorted(selected, key=lambda item: item.path)


def plan_mirror(objects: Sequence[StoredObject], catalogue: Mapping[str, tuple[int, str]], folder: Path) -> MirrorPlan:
    """Compare objects with the files of a mirror.

    Args:
        objects: from `select_objects`.
        catalogue: path → size and version of the files.
        folder: the mirror. A file whose size is not that of the catalogue is read again.
    """
    listed = {item.path: (item.bytes, item.version) for item in objects}
    kept = {
        path: entry
        for path, entry in catalogue.items()
        if listed.get(path) == entry and _measure(folder / path) == entry[0]
    }
    return MirrorPlan(
        reads=tuple(item for item in objects if item.path not in kept),
        removals=tuple(sorted(catalogue.keys() - listed.keys())),
        kept=kept,
    )


def update_mirror(
    folder: Path, plan: MirrorPlan, read: Callable[[StoredObject], bytes], advance: Callable[[int], None]
) -> None:
    """Bring a mirror up to date. Each file appears whole; what was read before an interruption is not read again.

    Args:
        folder: the mirror.
        plan: from `plan_mirror`.
        read: returns the content of an object.
        advance: called with 1 for each object that was read.

    Raises:
        ConfigError: the disk has not enough space, or cannot be written.
        DataError: an object cannot be read, or is too large.
        Interrupted: ^C or SIGTERM was received.
    """
    _check_space(folder, plan.bytes)
    entries = dict(plan.kept)

    def copy(item: StoredObject) -> StoredObject:
        check_interrupt()
        if item.bytes > MAX_BYTES:
            hint = "make the photo smaller, or move it elsewhere"
            raise DataError(f"an object is over the limit of {MAX_BYTES >> 20} MiB", where=[item.path], hint=hint)
        write_cached_file(folder / item.path, read(item))
        return item

    for path in plan.removals:
        remove_entry(folder / path)
    try:
        with ThreadPoolExecutor(_READERS) as pool:
            pending = [pool.submit(copy, item) for item in plan.reads]
            try:
                for future in pending:
                    item = future.result()
                    entries[item.path] = (item.bytes, item.version)
                    advance(1)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        write_cached_file(folder.parent / _CATALOGUE, json.dumps(entries).encode())


def read_mirror_catalogue(folder: Path) -> dict[str, tuple[int, str]]:
    """Read path → size and version of the files of a mirror; empty if there is none, or it is damaged."""
    try:
        content = parse_json(read_regular(folder.parent / _CATALOGUE, LARGEST_RECORD_BYTES, follow_links=False))
        return {path: (int(size), str(version)) for path, (size, version) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _check_path(path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise DataError("the name of an object leads out of its folder", where=[repr(path)], hint="rename the object")
    if any(len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in parts):
        raise DataError(
            f"the name of an object has over {_LONGEST_NAME_BYTES} bytes", where=[path[:80] + "…"], hint="rename it"
        )


def _check_space(folder: Path, needed_bytes: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if needed_bytes > free:
        raise ConfigError(
            f"the photos have {needed_bytes / 1e9:.1f} GB, and the disk of the cache has {free / 1e9:.1f} GB free",
            where=[folder],
            hint="set XDG_CACHE_HOME to a folder on a larger disk",
        )


def _measure(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else -1
