"""The fingerprint of a stage: what it is called with, the code that it runs, and the versions of its libraries.

Records, recipe tables and other arguments state in `key()` what of them decides the result. What has no key and is no
plain value cannot be an argument of a stage.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from edgetl.core.network import bases
from edgetl.core.run import source_code
from edgetl.core.storage.files import hash_file

# Import name → distribution, where they differ.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "google": "protobuf",
    "sklearn": "scikit-learn",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
}
# They validate records and draw tables; no number depends on them.
_WITHOUT_NUMBERS = frozenset({"pydantic", "rich", "typer"})


@runtime_checkable
class Keyed(Protocol):
    """Something that states what of it decides the result of a computation."""

    def key(self) -> object:
        """Return plain values, paths of files, or further keyed objects."""


def compute_fingerprint(stage: str, function: str, arguments: Sequence[object]) -> str:
    """Return the sha256 over everything that the result of a stage depends on.

    Args:
        stage: name of the stage in its run, as in "convert-tflite-int8".
        function: full name of the function that is called, as in "edgetl.stages.train.train".
        arguments: the values that it is called with.

    Raises:
        TypeError: an argument that has no key.
    """
    module = function.rpartition(".")[0]
    value = {
        "stage": stage,
        "function": function,
        "arguments": [resolve_key(argument) for argument in arguments],
        "code": source_code.hash_code(module),
        "libraries": _list_versions(module),
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def resolve_key(value: object) -> object:  # noqa: PLR0911  (one return for each kind of value)
    """Turn an argument into JSON values that differ when its effect on a result may differ.

    A path stands for the content of its file: the file may move.

    Raises:
        TypeError: a value that has no key, or that is no file.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path):
        return {"sha256": hash_file(value)}
    if isinstance(value, Keyed):
        return resolve_key(value.key())
    if isinstance(value, BaseModel):
        return {name: resolve_key(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): resolve_key(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_key(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: resolve_key(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"a {type(value).__name__} cannot be an argument of a stage: it has no key()")


def installed_version(package: str) -> str:
    """Return the installed version of a distribution, "absent" where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _list_versions(module: str) -> dict[str, str]:
    imported = set(source_code.list_libraries(module)) - set(sys.stdlib_module_names) - _WITHOUT_NUMBERS
    if "keras" in imported:
        # Keras computes with a package that it chooses by itself.
        imported.add(bases.requested_backend())
    names = sorted(_DISTRIBUTIONS.get(name, name) for name in imported)
    return {name: installed_version(name) for name in names}
