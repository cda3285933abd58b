"""Keywords of the Python API ↔ the options records of the pipeline."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.pipeline.options import list_options

F = TypeVar("F", bound=Callable[..., object])
PathLike = str | Path


def show_options(group: type[Any]) -> Callable[[F], F]:
    """Give a function with **options the signature of its options, for `help` and for editors."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        named = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        names = {parameter.name for parameter in named}
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, _, default in list_options(group)
            if name not in names
        ]
        function.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]
        return function

    return decorate


G = TypeVar("G")


def collect_options(group: type[G], photos: PathLike | None, options: Any) -> G:
    """Make the options record of a build or a training: see `make_options`."""
    return make_options(group, {"photos": to_path(photos)}, options)


def make_options(group: type[G], values: dict[str, Any], options: Any) -> G:
    """Make an options record from keywords: text becomes paths, and one target becomes a list, where the record has so.

    Args:
        group: the options record.
        values: fields that are no options.
        options: name → value.

    Raises:
        ConfigError: an option that does not exist, with the closest known one.
    """
    known = {name: annotation for name, annotation, _, _ in list_options(group) if name not in values}
    for name in options:
        if name not in known:
            raise unknown_name("option", name, known)
    return group(**values, **{name: _adapt(name, value, known[name]) for name, value in options.items()})


def _adapt(name: str, value: Any, annotation: Any) -> Any:
    text = str(annotation)
    if value is None:
        return None
    if "list[" in text:
        entries = [value] if isinstance(value, str | Path) else list(value)
        return [Path(entry) for entry in entries] if "Path" in text else entries
    if "Path" in text:
        return Path(value)
    if "float" not in text and isinstance(value, float) and "int" in text:
        raise ConfigError(f"{name} must be a whole number, not {value!r}")
    return value


def to_path(value: PathLike | None) -> Path | None:
    """Return the path of a text; None stays None."""
    return None if value is None else Path(value)
