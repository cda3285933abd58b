"""Opens files that somebody else may have put there: regular files only, within a bound, never through a link to write.

A named pipe blocks its reader, a device such as /dev/zero has no end, and a link in a folder that somebody sent could
lead a write to any file of the user. All bounds on the size of files that are read are here.
"""

import errno
import os
import shutil
import stat
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from edgetl.core.errors import ConfigError

# Recipes, labels, target.toml and order.json. The largest that edgetl ships or writes has a few kB.
LARGEST_TEXT_BYTES = 1024 * 1024
# Records and measurements. The record of a dataset has about 150 bytes for each photo.
LARGEST_RECORD_BYTES = 256 * 1024 * 1024
# Model files: the largest network of Keras applications, ConvNeXtXLarge, has 1.4 GB of weights.
LARGEST_MODEL_BYTES = 2 * 1024**3
# Any other file, such as the float32 SavedModel of a large network.
LARGEST_FILE_BYTES = 4 * 1024**3

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}


def open_regular(path: Path, limit_bytes: int = LARGEST_FILE_BYTES, *, follow_links: bool = True) -> BufferedReader:
    """Open a regular file for reading, without waiting.

    Args:
        path: the file.
        limit_bytes: largest allowed size.
        follow_links: whether the file may be a link. A user may name a link; a folder that somebody sent has none.

    Raises:
        OSError: there is no such file, it is no regular file or too large, or it cannot be read. `strerror` is a
            sentence for the user.
    """
    # Opening a device can have effects, so its kind is looked up before. The open file is checked once more, because
    # the path may lead to another file by then.
    _check_regular(path, path.stat() if follow_links else path.lstat(), limit_bytes)
    no_follow = 0 if follow_links else os.O_NOFOLLOW
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | no_follow)
    file = os.fdopen(descriptor, "rb")
    try:
        _check_regular(path, os.fstat(descriptor), limit_bytes)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, limit_bytes: int, *, follow_links: bool = True) -> bytes:
    """Read a regular file of at most `limit_bytes`.

    Raises:
        OSError: see `open_regular`.
    """
    with open_regular(path, limit_bytes, follow_links=follow_links) as file:
        # A read allocates its whole argument: the size of the file and not the limit.
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
        # The file may grow while it is read, and files below /proc have a size of 0.
        if len(content) > size:
            content += file.read(limit_bytes + 1 - len(content))
    if len(content) > limit_bytes:
        raise _make_size_error(path, limit_bytes)
    return content


def read_user_text(path: Path, name: str, *, hint: str = "") -> str:
    """Read a UTF-8 text file that an option or another file names.

    Args:
        path: the file; it may be a link.
        name: what the file is, as in "the recipe".
        hint: hint of the error.

    Raises:
        ConfigError: the file cannot be read, is no regular file, is over 1 MiB, or is not UTF-8.
    """
    try:
        return read_regular(path, LARGEST_TEXT_BYTES).decode()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {explain_os_error(error)}", where=(path,), hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} cannot be read: it is not UTF-8 text", where=(path,), hint=hint) from error


def check_regular(path: Path, name: str, *, hint: str = "") -> None:
    """Check that a file that an option names exists, is a regular file and has at most LARGEST_MODEL_BYTES.

    Args:
        path: the file; it may be a link.
        name: what the file is, as in "model file".
        hint: hint of the error.

    Raises:
        ConfigError: it is not so.
    """
    try:
        _check_regular(path, path.stat(), LARGEST_MODEL_BYTES)
    except FileNotFoundError as error:
        raise ConfigError(f"no such {name}", where=(path,), hint=hint) from error
    except OSError as error:
        message = f"the {name} cannot be read: {explain_os_error(error)}"
        raise ConfigError(message, where=(path,), hint=hint) from error


def open_for_appending(path: Path) -> TextIOWrapper:
    """Open a text file of a run folder for reading and appending; create it if there is none.

    The content is replaced in place, so nothing but a regular file with a single name is opened.

    Raises:
        ConfigError: a link, a file with further names (hard links), or no regular file.
        OSError: the file cannot be opened for another reason.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        if os.path.lexists(path):
            _check_own(path, path.lstat())
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        # ELOOP: another process has replaced the file by a link.
        if error.errno not in (errno.EINVAL, errno.ELOOP):
            raise
        hint = f"remove it: edgetl writes {path.name} as a file of its own, and follows no links"
        raise ConfigError(
            f"{path.name} cannot be written: {explain_os_error(error)}", where=(path,), hint=hint
        ) from error
    try:
        _check_own(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "a+", encoding="utf-8")
    except OSError:
        os.close(descriptor)
        raise


def remove_entry(path: Path) -> None:
    """Remove a file, a link or a whole folder if it exists. Links are removed, never followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        # Files that cannot be removed are left: they may belong to another user.
        shutil.rmtree(path, ignore_errors=True)


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path leads to a place in a folder without a link or ".." on the way."""
    return path.is_relative_to(folder) and path.resolve() == folder.resolve() / path.relative_to(folder)


def explain_os_error(error: OSError) -> str:
    """Return the sentence of an OSError, without its number and path."""
    return error.strerror or str(error) or type(error).__name__


def _check_regular(path: Path, status: os.stat_result, limit_bytes: int) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, f"it is {_KINDS.get(kind, 'no file')}, and a regular file is needed", str(path))
    if status.st_size > limit_bytes:
        raise _make_size_error(path, limit_bytes)


def _check_own(path: Path, status: os.stat_result) -> None:
    _check_regular(path, status, LARGEST_FILE_BYTES)
    if status.st_nlink > 1:
        raise OSError(errno.EINVAL, "it has further names (hard links), which would be changed too", str(path))


def _make_size_error(path: Path, limit_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is over the limit of {limit_bytes / 1024**2:g} MiB", str(path))
