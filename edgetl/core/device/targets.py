"""Targets: what a device runs and which files travel to it, found by name in folders that anyone may add.

In: a target's id and folders to search first. Out: a Target, its tables merged over its parent's, its payload resolved.
A target is a folder holding target.toml; the folder's name is the id. Tables merge key by key, lists replace.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType
from typing import Any

from edgetl.core.device import target_schema
from edgetl.core.device.target_schema import AcceptsTable, DeviceTable, LimitsTable, RuntimeTable
from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.formats import FORMATS, FormatName, KernelSet
from edgetl.core.record import Record

ENTRY_POINTS = "edgetl.targets"

# What the bundle stage writes itself, and bench.py on the device; a payload file of that name would be lost or hide it.
RESERVED = frozenset(
    {
        "model.tflite",
        "model.onnx",
        "model.json",
        "labels.txt",
        "pixels.py",
        "requirements.txt",
        "SHA256SUMS",
        "golden",
        "measure",
    }
)

_COMMON = "common/"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Every part begins with a letter or digit: this alone rules out "..", absolute paths, hidden files and __pycache__.
_PAYLOAD_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class PayloadFile(Record):
    """A file that is copied into the bundle: its name there (posix), and its path here."""

    name: str
    path: Path

    def key(self) -> object:
        """Return the name and the content of the file."""
        return self.name, self.path


class Target(Record):
    """A loaded target. `device` is None for a target that is not one particular board."""

    id: str
    title: str
    summary: str
    source: Path
    device: DeviceTable | None
    accepts: AcceptsTable
    limits: LimitsTable
    runtime: RuntimeTable
    payload: tuple[PayloadFile, ...]

    def choose_kernels(self, format_name: FormatName) -> KernelSet:
        """Choose the kernels that the target's runtime has. What they predict is what is judged."""
        return FORMATS[format_name].fast_kernels if self.runtime.accelerated else "reference"


def find_target(id: str, extra_dirs: Iterable[Path] = ()) -> Target:  # noqa: A002  (a target's id is called id everywhere)
    """The target of that id, from the first folder that has it.

    Args:
        id: the name of the target's folder.
        extra_dirs: folders of targets searched before all others.

    Raises:
        ConfigError: no such target, or its file, its parents or its payload are not as they must be.
    """
    roots = _roots(extra_dirs)
    path = _locate(id, roots)
    if path is None:
        raise unknown_name("target", id, _located(roots))
    return _loaded(path, roots)


def list_targets(extra_dirs: Iterable[Path] = ()) -> tuple[Target, ...]:
    """Every target that `find` finds, by id.

    Raises:
        ConfigError: one of them does not load; where several do not, all are named.
    """
    roots = _roots(extra_dirs)
    targets: list[Target] = []
    errors: list[ConfigError] = []
    for _, path in sorted(_located(roots).items()):
        try:
            targets.append(_loaded(path, roots))
        except ConfigError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError(
            f"{len(errors)} targets do not load",
            where=[f"{', '.join(error.where)}: {error.message}" for error in errors],
            hint=errors[0].hint,
        )
    return tuple(targets)


def _roots(extra_dirs: Iterable[Path]) -> tuple[Path, ...]:
    """The folders that hold targets, in search order, each once."""
    named = [("--target-dir", Path(folder)) for folder in extra_dirs]
    listed = os.environ.get("EDGETL_TARGETS", "").split(os.pathsep)
    named += [("$EDGETL_TARGETS", Path(folder)) for folder in listed if folder]
    here = Path("targets")
    if here.is_dir():
        named.append(("./targets", here))
    named += [(f"entry point {point.name}", _folder_of(point)) for point in metadata.entry_points(group=ENTRY_POINTS)]
    named.append(("the installation", locate_shipped_targets()))
    for origin, folder in named:
        if not folder.is_dir():
            raise ConfigError(f"{origin} names a folder of targets that does not exist", where=(folder,))
        if (folder / target_schema.NAME).is_file():
            raise ConfigError(f"{origin} names a target", where=(folder,), hint=f"name its parent {folder.parent}")
    return tuple(dict.fromkeys(folder.resolve() for _, folder in named))


def _folder_of(point: metadata.EntryPoint) -> Path:
    """The folder an entry point gives: a package whose resources are targets, or a path."""
    try:
        given = point.load()
    except (Exception, SystemExit) as error:  # It runs another package's code, which may end in any way.
        raise ConfigError(f"the entry point {point.name} cannot be loaded: {error}", where=(point.value,)) from error
    folder = resources.files(given) if isinstance(given, ModuleType) else given
    if not isinstance(folder, str | os.PathLike):
        raise ConfigError(f"the entry point {point.name} gives neither a path nor a package", where=(point.value,))
    return Path(folder)


def locate_shipped_targets() -> Path:
    """The targets that come with edgetl: inside the wheel, else at the top of the checkout."""
    package = Path(__file__).parents[2]
    checkout = package.parent
    if not (package / "_targets").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "targets"
    return package / "_targets"


def _located(roots: Sequence[Path]) -> dict[str, Path]:
    """Target id → file, the first root that has it."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.glob(f"*/{target_schema.NAME}")):
            if _ID.fullmatch(path.parent.name) is None:
                hint = "small letters, digits, dot, dash and underscore only"
                raise ConfigError(f"{path.parent.name!r} cannot be a target's id", where=(path.parent,), hint=hint)
            found.setdefault(path.parent.name, path)
    return found


def _locate(name: str, roots: Sequence[Path]) -> Path | None:
    return _located(roots).get(name)


def _loaded(path: Path, roots: Sequence[Path]) -> Target:
    chain = tuple(_chain(path, roots))
    merged: Mapping[str, Any] = {}
    for _, tables in reversed(chain):
        merged = _merged({key: value for key, value in merged.items() if key not in target_schema.OWN}, tables)
    whole = target_schema.validate_target(merged, path)
    declaring = next((at for at, (_, tables) in enumerate(chain) if "files" in tables.get("payload", {})), 0)
    return Target(
        id=path.parent.name,
        title=whole.title,
        summary=whole.summary,
        source=path,
        device=whole.device,
        accepts=whole.accepts,
        limits=whole.limits,
        runtime=whole.runtime,
        payload=_payload(whole.payload.files, [source.parent for source, _ in chain[declaring:]]),
    )


def _chain(path: Path, roots: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The target's file and its ancestors', the target's own first."""
    seen: list[Path] = []
    while True:
        seen.append(path)
        tables = target_schema.read_target_file(path)
        yield path, tables
        if not tables.get("extends"):
            return
        parent = _locate(tables["extends"], roots)
        if parent is None:
            raise target_schema.locate_key(path, "extends", unknown_name("target", tables["extends"], _located(roots)))
        if parent in seen:
            circle = " → ".join(file.parent.name for file in (*seen, parent))
            raise ConfigError(f"the targets extend each other in a circle: {circle}", where=(path, "extends"))
        path = parent


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: _merged(below[key], above[key]) for key in below if isinstance(below[key], dict) and key in above}
    return {**below, **above, **both}


def _payload(names: Sequence[str], folders: Sequence[Path]) -> tuple[PayloadFile, ...]:
    """Each file in the folder that declares it, else in its ancestors'; never outside all of them."""
    source = folders[0] / target_schema.NAME
    homes = [folder.resolve() for folder in folders]
    homes += [folder.parent.resolve() / _COMMON for folder in folders]
    found: dict[str, PayloadFile] = {}
    for name in names:
        if _PAYLOAD_PATH.fullmatch(name) is None:
            hint = "parts of letters, digits, dot, dash and underscore, joined by /"
            raise ConfigError(f"{name!r} cannot be a payload path", where=(source, "payload.files"), hint=hint)
        tried = [(folder.parent if name.startswith(_COMMON) else folder) / name for folder in folders]
        path = next((place for place in tried if place.is_file()), None)
        if path is None:
            raise ConfigError(f"no payload file {name!r}", where=(source, "payload.files"), hint=f"tried {tried[0]}")
        if not any(path.resolve().is_relative_to(home) for home in homes):
            raise ConfigError(f"{name!r} leads out of the target's folder", where=(source, path.resolve()))
        bundled = name.removeprefix(_COMMON)
        # Compared without case: a bundle may be unpacked on a memory card that knows none.
        key = bundled.casefold()
        taken = {*found, *(reserved.casefold() for reserved in RESERVED)}
        if any(f"{key}/".startswith(f"{other}/") or f"{other}/".startswith(f"{key}/") for other in taken):
            raise ConfigError(f"{bundled} is in the way of another file of the bundle", where=(source, "payload.files"))
        found[key] = PayloadFile(name=bundled, path=path)
    return tuple(found.values())
