"""Targets: descriptors of devices, each with the files that are copied to it.

A target is a folder with a target.toml; the name of the folder is the id of the target. The tables of a target are
merged into those of its parent key by key; lists replace lists.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgetl.core.device import target_schema
from edgetl.core.device.judges import JUDGES, Judge
from edgetl.core.device.payload import PayloadFile, find_payload
from edgetl.core.device.target_schema import AcceptsTable, DeviceTable, GeneratorName, LimitsTable, RuntimeTable
from edgetl.core.device.target_search import map_target_files
from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.formats import FORMATS, FormatName, KernelSet
from edgetl.core.record import Record

# Longest chain of `extends`. The shipped targets have two parents at most.
MOST_PARENTS = 8


class Target(Record):
    """A target with the tables of its parents. `device` is None for a target that is no specific board."""

    id: str
    title: str
    summary: str
    source: Path
    device: DeviceTable | None
    accepts: AcceptsTable
    limits: LimitsTable
    runtime: RuntimeTable
    payload: tuple[PayloadFile, ...]
    generate: tuple[GeneratorName, ...] = ()

    def choose_kernels(self, format_name: FormatName) -> KernelSet:
        """Return the kernels of this machine that compute what those of the target's runtime compute.

        The verdict is on what they predict, unless the target has a judge.
        """
        return FORMATS[format_name].fast_kernels if self.runtime.accelerated else "reference"

    def find_judge(self, format_name: FormatName) -> Judge | None:
        """Return the judge of files of a format; None where the kernels of `choose_kernels` judge."""
        if not self.runtime.judge:
            return None
        judge = JUDGES[self.runtime.judge]
        return judge if format_name in judge.formats else None


def find_target(id: str, extra_dirs: Iterable[Path] = ()) -> Target:  # noqa: A002  (a target's id is called id everywhere)
    """Load the target of that id from the first folder that contains it.

    Args:
        id: name of the target's folder.
        extra_dirs: folders of targets that are searched before all others.

    Raises:
        ConfigError: there is no such target; or its file, a parent or its payload is invalid.
    """
    files = map_target_files(extra_dirs)
    if id not in files:
        raise unknown_name("target", id, files)
    return _load_target(files[id], files)


def list_targets(extra_dirs: Iterable[Path] = ()) -> tuple[Target, ...]:
    """Load every target that `find_target` finds, sorted by id.

    Raises:
        ConfigError: a target is invalid; if several are, the error names all of them.
    """
    files = map_target_files(extra_dirs)
    # All errors are collected: a user who repairs one target wants to know about the others.
    targets: list[Target] = []
    errors: list[ConfigError] = []
    for _, path in sorted(files.items()):
        try:
            targets.append(_load_target(path, files))
        except ConfigError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError(
            f"{len(errors)} targets are invalid",
            where=[f"{', '.join(error.where)}: {error.message}" for error in errors],
            hint=errors[0].hint,
        )
    return tuple(targets)


def _load_target(path: Path, files: Mapping[str, Path]) -> Target:
    """Read a target.toml, merge it into its parents' tables, and find its payload.

    Args:
        path: the target.toml.
        files: id → target.toml of all targets, for its parents.
    """
    lineage = tuple(_read_lineage(path, files))
    tables: Mapping[str, Any] = {}
    # From the oldest ancestor to the target itself, whose entries replace those of its ancestors.
    for _, child in reversed(lineage):
        tables = _merge({key: value for key, value in tables.items() if key not in target_schema.NOT_INHERITED}, child)
    target = target_schema.validate_target(tables, path)
    return Target(
        id=path.parent.name,
        title=target.title,
        summary=target.summary,
        source=path,
        device=target.device,
        accepts=target.accepts,
        limits=target.limits,
        runtime=target.runtime,
        payload=find_payload(lineage),
        generate=target.payload.generate,
    )


def _read_lineage(path: Path, files: Mapping[str, Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield path and tables of a target, of its parent, and so on."""
    lineage: list[Path] = []
    while True:
        lineage.append(path)
        tables = target_schema.read_target_file(path)
        yield path, tables
        if not tables.get("extends"):
            return
        parent = files.get(tables["extends"])
        if parent is None:
            raise target_schema.locate_key(path, "extends", unknown_name("target", tables["extends"], files))
        # Without these checks, the loop would never end, or only after thousands of generated files.
        if parent in lineage:
            circle = " → ".join(file.parent.name for file in (*lineage, parent))
            raise ConfigError(f"the targets extend each other in a circle: {circle}", where=(path, "extends"))
        if len(lineage) > MOST_PARENTS:
            chain = " → ".join(file.parent.name for file in (*lineage, parent))
            raise ConfigError(
                f"a target extends more than {MOST_PARENTS} others: {chain}",
                where=(lineage[0], "extends"),
                hint="copy the tables of some parents into one file",
            )
        path = parent


def _merge(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the tables of a child into those of its parent; in nested tables key by key."""
    nested = {key: _merge(parent[key], child[key]) for key in parent if isinstance(parent[key], dict) and key in child}
    return {**parent, **child, **nested}
