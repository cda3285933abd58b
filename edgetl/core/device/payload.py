"""Payload of a target: which files of the target and its parents are copied into a bundle."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from edgetl.core.errors import ConfigError
from edgetl.core.record import Record

# Names of files that the bundle stage writes, and of folders on the device that bench.py and users fill: a payload file
# must not replace them.
RESERVED = frozenset(
    {
        "model.tflite",
        "model.onnx",
        "model.json",
        "labels.txt",
        "features.npy",
        "pixels.py",
        "requirements.txt",
        "SHA256SUMS",
        "golden",
        "measure",
        "photos",
    }
)
# The folder of a program is first on Python's path: a module there would be imported in place of another of its name.
_MODULES = sys.stdlib_module_names | {
    *("numpy", "PIL", "ai_edge_litert", "tflite_runtime", "onnxruntime", "aiohttp", "sitecustomize", "usercustomize"),
}

_COMMON = "common/"
# Every part begins with a letter or digit. This excludes "..", absolute paths, hidden files and __pycache__.
_PAYLOAD_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class PayloadFile(Record):
    """A file that is copied into the bundle: its name there (posix), and its path here."""

    name: str
    path: Path

    def key(self) -> object:
        """Return the name and the content of the file."""
        return self.name, self.path


def find_payload(lineage: Sequence[tuple[Path, Mapping[str, Any]]]) -> tuple[PayloadFile, ...]:
    """Find the payload files of a target.

    Args:
        lineage: path and tables of the target, of its parent, and so on.

    Raises:
        ConfigError: a path that is invalid, has no file or conflicts with another, or a link that leads out of the
            target's folder.
    """
    return tuple(
        PayloadFile(
            name=name.removeprefix(_COMMON),
            path=_find_payload_file(name, [path.parent for path, _ in lineage[age:]], (lineage[age][0], key)),
        )
        for age, key, name in _list_payload(lineage)
    )


def _list_payload(lineage: Sequence[tuple[Path, Mapping[str, Any]]]) -> list[tuple[int, str, str]]:
    """List the files of the first `payload.files` in a lineage, and what that target and its children add.

    Returns:
        The position in the lineage, the key and the name of each file.
    """
    oldest = len(lineage) - 1
    first = next((age for age, (_, tables) in enumerate(lineage) if "files" in tables.get("payload", {})), oldest)
    names = [
        (age, f"payload.{key}", name)
        for age in range(first, -1, -1)
        for key in ("files", "add")
        for name in lineage[age][1].get("payload", {}).get(key, ())
    ]
    entries = {name.casefold(): f"{name} is a reserved name" for name in RESERVED}
    for age, key, name in names:
        source = lineage[age][0]
        conflict = _find_conflict(name.removeprefix(_COMMON), entries) or _find_module(name.removeprefix(_COMMON))
        if conflict:
            raise ConfigError(f"{key} lists {name!r}, but {conflict}", where=(source, key))
        entries[name.removeprefix(_COMMON).casefold()] = f"{key} of {source.parent.name} lists {name!r}"
    return names


def _find_payload_file(name: str, folders: Sequence[Path], where: tuple[Path, str]) -> Path:
    """Find a payload file in the folder of the target that lists it, or in those of its parents, but nowhere else."""
    if _PAYLOAD_PATH.fullmatch(name) is None:
        hint = "use parts of letters, digits, dot, dash and underscore, joined by /"
        raise ConfigError(f"{name!r} cannot be a payload path", where=where, hint=hint)
    places = [(folder.parent if name.startswith(_COMMON) else folder) / name for folder in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise ConfigError(f"no payload file {name!r}", where=where, hint=f"create {places[0]}")
    allowed = [folder.resolve() for folder in folders]
    allowed += [folder.parent.resolve() / _COMMON for folder in folders]
    # A link may point anywhere: a target of a third party must not copy private files into a bundle.
    if not any(path.resolve().is_relative_to(folder) for folder in allowed):
        raise ConfigError(f"{name!r} is outside the target's folder", where=(where[0], path.resolve()))
    return path


def _find_module(name: str) -> str:
    """Return which module of Python or of a package this path would hide; "" if none."""
    top, _, below = name.partition("/")
    if not below and PurePosixPath(top).suffix not in (".py", ".pyc", ".so"):
        return ""
    module = top.partition(".")[0]
    return f"it would be imported in place of the module {module}" if module in _MODULES else ""


def _find_conflict(name: str, entries: Mapping[str, str]) -> str:
    """Return the entry with this name, or the one that is a folder in this path or the reverse; "" if there is none.

    Args:
        name: path in the bundle.
        entries: path in the bundle, case-folded → description.
    """
    # Compared without case: a bundle may be unpacked on a memory card whose file system ignores case.
    path = f"{name.casefold()}/"
    conflicts = (
        text for entry, text in entries.items() if path.startswith(f"{entry}/") or f"{entry}/".startswith(path)
    )
    return next(conflicts, "")
