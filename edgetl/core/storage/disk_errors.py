"""Errors of the disk → what is wrong, where, and what to do: full, read only, not permitted, absent.

The cache and every other folder end alike. An error of the system has a number, which no user should have to read.
"""

import errno
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from edgetl.core.errors import ConfigError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PERMISSION = (errno.EACCES, errno.EPERM)
_ELSEWHERE = "choose another folder: --out for the run, XDG_CACHE_HOME for the cache, TMPDIR for temporary files"
# What a stage writes may be larger than what is left.
_NEARLY_FULL_BYTES = 100_000_000
# Numbers in the texts of libraries: "errno = 28" of HDF5, "[Errno 28]" of Python.
_NUMBER = re.compile(r"errno\s*=?\s*(\d+)\]?:?\s*", re.IGNORECASE)


def explain_disk_error(error: OSError, folders: Sequence[Path] = ()) -> ConfigError:
    """Make the error for an OSError that is not caught elsewhere.

    Args:
        error: the error.
        folders: the folders that edgetl was writing into, named where the error names no file.
    """
    number = _find_number(error)
    names = [str(name) for name in (error.filename, error.filename2) if isinstance(name, str | Path) and str(name)]
    where = list(dict.fromkeys(names)) or [str(folder) for folder in folders]
    if number in _FULL:
        return ConfigError(
            "the disk is full",
            where=[_describe_space(Path(name)) for name in _select_full(where)],
            hint=f"free some space there and run the same command again, which continues; or {_ELSEWHERE}",
        )
    if number in _PERMISSION:
        owner = f"if it is yours: chmod u+rwX {where[0]}; otherwise " if where else ""
        return ConfigError("permission denied", where=where, hint=f"{owner}{_ELSEWHERE}")
    if number == errno.EROFS:
        return ConfigError("the disk is mounted read-only", where=where, hint=_ELSEWHERE)
    if number == errno.ENOENT:
        hint = "check its name; if it was removed while edgetl ran, run the same command again"
        return ConfigError("no such file or folder", where=where, hint=hint)
    if number in (errno.EEXIST, errno.ENOTDIR):
        # A folder that exists is no error for any caller, so this is a file.
        return ConfigError("a file is in the place of a folder", where=where, hint=f"move it away, or {_ELSEWHERE}")
    return ConfigError(_describe(error, number), where=where, hint=_ELSEWHERE if number else "")


def _find_number(error: OSError) -> int:
    """Return the number of an error; libraries that set none write it into their text; 0 if there is none."""
    if error.errno is not None:
        return error.errno
    match = _NUMBER.search(str(error))
    return int(match[1]) if match else 0


def _describe(error: OSError, number: int) -> str:
    """Return the words of an error or those of the system for its number, or the first line of the text."""
    if number:
        text = error.strerror or os.strerror(number)
        return text[:1].lower() + text[1:]
    return (_NUMBER.sub("", str(error)).strip("[] ").splitlines() or [type(error).__name__])[0]


def _select_full(names: Sequence[str]) -> Sequence[str]:
    """Return the names on disks that are nearly full; all of them if none is, as with a quota."""
    return [name for name in names if _measure_free_bytes(Path(name)) < _NEARLY_FULL_BYTES] or names


def _describe_space(path: Path) -> str:
    """Return a path with the free space of its disk, as "/run: 3 MB free"."""
    return f"{path}: {_measure_free_bytes(path) // 1_000_000} MB free"


def _measure_free_bytes(path: Path) -> int:
    """Return the free space of the disk of a path, which need not exist; 0 if the disk is gone."""
    folder = next((parent for parent in (path, *path.absolute().parents) if parent.is_dir()), path)
    try:
        return shutil.disk_usage(folder).free
    # It is only a detail of an error that is reported all the same.
    except OSError:
        return 0
