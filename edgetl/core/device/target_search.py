"""Search for target.toml files: in folders of the user, of other packages and of edgetl."""

import os
import re
from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType

from edgetl.core.device import target_schema
from edgetl.core.errors import ConfigError

ENTRY_POINTS = "edgetl.targets"

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")


def map_target_files(extra_dirs: Iterable[Path]) -> dict[str, Path]:
    """Map the id of every target to its target.toml in the first folder that contains it.

    The search order is `extra_dirs`, $EDGETL_TARGETS, ./targets, the entry points `edgetl.targets` of other packages,
    and the targets of edgetl.

    Args:
        extra_dirs: folders of targets, from --target-dir.

    Raises:
        ConfigError: a folder of targets does not exist or cannot be loaded, or the name of a target is no id.
    """
    files: dict[str, Path] = {}
    for root in _list_roots(extra_dirs):
        for path in sorted(root.glob(f"*/{target_schema.NAME}")):
            if _ID.fullmatch(path.parent.name) is None:
                hint = "use small letters, digits, dot, dash and underscore only"
                raise ConfigError(f"{path.parent.name!r} cannot be a target's id", where=(path.parent,), hint=hint)
            # A target of the user may replace one of edgetl by the same name.
            files.setdefault(path.parent.name, path)
    return files


def locate_shipped_targets() -> Path:
    """Return the folder of the targets of edgetl: in the installed package, or at the top of a checkout."""
    # The wheel contains the folder targets/ as edgetl/_targets/.
    package = Path(__file__).parents[2]
    checkout = package.parent
    if not (package / "_targets").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "targets"
    return package / "_targets"


def _list_roots(extra_dirs: Iterable[Path]) -> tuple[Path, ...]:
    """List the folders of targets in search order, without duplicates."""
    origins = [("--target-dir", Path(folder)) for folder in extra_dirs]
    # An empty entry of $EDGETL_TARGETS, as behind a trailing colon, is ignored.
    listed = os.environ.get("EDGETL_TARGETS", "").split(os.pathsep)
    origins += [("$EDGETL_TARGETS", Path(folder)) for folder in listed if folder]
    here = Path("targets")
    if here.is_dir():
        origins.append(("./targets", here))
    plugins = metadata.entry_points(group=ENTRY_POINTS)
    origins += [(f"entry point {plugin.name}", _load_entry_point(plugin)) for plugin in plugins]
    origins.append(("the installation", locate_shipped_targets()))
    for origin, folder in origins:
        if not folder.is_dir():
            raise ConfigError(f"{origin} names a folder of targets that does not exist", where=(folder,))
        if (folder / target_schema.NAME).is_file():
            hint = f"use the folder that contains it: {folder.parent}"
            raise ConfigError(f"{origin} names a target instead of a folder of targets", where=(folder,), hint=hint)
    return tuple(dict.fromkeys(folder.resolve() for _, folder in origins))


def _load_entry_point(point: metadata.EntryPoint) -> Path:
    """Return the folder that an entry point names: a path, or a package whose resources are targets."""
    try:
        value = point.load()
    except (Exception, SystemExit) as error:  # It runs code of another package, which may raise anything.
        raise ConfigError(f"the entry point {point.name} cannot be loaded: {error}", where=(point.value,)) from error
    folder = resources.files(value) if isinstance(value, ModuleType) else value
    if not isinstance(folder, str | os.PathLike):
        raise ConfigError(f"the entry point {point.name} is neither a path nor a package", where=(point.value,))
    return Path(folder)
