"""Sample values of any type that an argument of a stage may have, and all values that differ from them in one field."""

import ast
import dataclasses
import importlib
import threading
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

STAGES = Path(importlib.import_module("edgetl").__file__ or "").parent / "stages"
# Strings that are names of files.
_FILE_NAMES = ("ExternalRecipe.path", "ExternalRecipe.labels")


@dataclasses.dataclass(frozen=True)
class Change:
    """A changed value. `place` leads to the changed field, as in "BundleRequest.dataset/Dataset.sha256"."""

    place: str
    value: Any


class Samples:
    """Builds sample values. Paths are those of two files with different contents."""

    def __init__(self, folder: Path) -> None:
        self.files = [folder / "a.bin", folder / "b.bin"]
        for path in self.files:
            path.write_text(path.name, encoding="utf-8")
        self._simple: dict[Any, Any] = {str: "s", int: 3, float: 0.25, bool: False, Path: self.files[0]}
        self._simple[threading.Event] = threading.Event()
        self._simple[type(None)] = None

    def make(self, kind: Any, place: str = "") -> Any:
        """Return a value of a type."""
        kind, arguments = _unwrap(kind)
        if place in _FILE_NAMES:
            return str(self.files[0])
        if kind in self._simple:
            return self._simple[kind]
        if kind is typing.Literal:
            return arguments[0]
        if kind is tuple:
            return tuple(self.make(argument) for argument in arguments)
        if kind is dict:
            return {self.make(arguments[0]): self.make(arguments[1])}
        values = {name: self.make(hint, f"{kind.__name__}.{name}") for name, hint in _list_fields(kind).items()}
        # model_construct, because a sample number may be out of the range of its field.
        return kind.model_construct(**values) if issubclass(kind, BaseModel) else kind(**values)

    def change(self, kind: Any, value: Any, place: str = "") -> Iterator[Change]:
        """Yield every value that differs in one field, in one element, or in the elements that it has."""
        if _is_optional(kind):
            yield Change(place, None)
        kind, arguments = _unwrap(kind)
        if kind is tuple:
            yield Change(place, ())
            for index, argument in enumerate(arguments):
                for change in self.change(argument, value[index]):
                    yield _put(place, change, (*value[:index], change.value, *value[index + 1 :]))
        elif kind is dict:
            yield Change(place, {})
            ((name, entry),) = value.items()
            for change in self.change(arguments[0], name):
                yield _put(place, change, {change.value: entry})
            for change in self.change(arguments[1], entry):
                yield _put(place, change, {name: change.value})
        elif kind is typing.Literal or kind in self._simple:
            yield from (Change(place, changed) for changed in self._change_simple(kind, value, place, arguments))
        else:
            for name, hint in _list_fields(kind).items():
                for change in self.change(hint, getattr(value, name), f"{kind.__name__}.{name}"):
                    yield _put(place, change, _replace(value, name, change.value))

    def _change_simple(self, kind: Any, value: Any, place: str, arguments: tuple[Any, ...]) -> list[Any]:
        if place in _FILE_NAMES:
            return [str(self.files[1])]
        if kind is typing.Literal:
            return [other for other in arguments if other != value]
        changed = {bool: lambda: not value, Path: lambda: self.files[1], threading.Event: threading.Event}
        return [changed[kind]() if kind in changed else value + type(value)(1)]


def list_stage_arguments() -> dict[str, Any]:
    """Map "stage.function(argument)" to the type of the argument, for all functions that take a workspace.

    The files of the stages are parsed, because importing them takes seconds.
    """
    arguments: dict[str, Any] = {}
    for path in sorted(STAGES.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            # Private functions are parts of a stage, and no stages.
            if not isinstance(node, ast.FunctionDef) or not node.args.args or node.name.startswith("_"):
                continue
            first, *rest = node.args.args
            if first.annotation is None or ast.unparse(first.annotation) != "Workspace":
                continue
            for argument in (*rest, *node.args.kwonlyargs):
                assert argument.annotation is not None
                words = {word.id for word in ast.walk(argument.annotation) if isinstance(word, ast.Name)}
                names = {word: _resolve(path, tree, word) for word in words}
                arguments[f"{path.stem}.{node.name}({argument.arg})"] = eval(ast.unparse(argument.annotation), names)
    return arguments


def list_classes(module: types.ModuleType, base: type = object) -> list[type]:
    """List the classes that a module defines, without the base class itself."""
    classes = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    return [kind for kind in classes if issubclass(kind, base) and kind is not base]


def _resolve(path: Path, tree: ast.Module, name: str) -> Any:
    """Return what a name means in the file of a stage: an imported name, or a class of the file itself."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in [alias.asname or alias.name for alias in node.names]:
            return getattr(importlib.import_module(node.module or ""), name)
        if isinstance(node, ast.ClassDef) and node.name == name:
            return getattr(importlib.import_module(f"edgetl.stages.{path.stem}"), name)
    return getattr(importlib.import_module("builtins"), name)


def _unwrap(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type without constraints and without None, and its arguments without the ellipsis."""
    while typing.get_origin(kind) is typing.Annotated or _is_optional(kind):
        kind = next(argument for argument in typing.get_args(kind) if argument is not type(None))
    arguments = tuple(argument for argument in typing.get_args(kind) if argument is not Ellipsis)
    return typing.get_origin(kind) or kind, arguments


def _is_optional(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union


def _list_fields(kind: type) -> dict[str, Any]:
    """Map the fields of a record, a recipe table or a dataclass to their types."""
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    assert dataclasses.is_dataclass(kind), f"no sample for {kind}"
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _replace(value: Any, name: str, changed: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: changed})
    return dataclasses.replace(value, **{name: changed})


def _put(place: str, change: Change, value: Any) -> Change:
    """Return a change of a part as a change of the whole value."""
    return Change("/".join(filter(None, (place, change.place))), value)
