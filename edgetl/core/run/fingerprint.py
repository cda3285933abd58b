"""The fingerprint of a stage: a hash of its arguments, of the code that it runs, and of the versions of its libraries.

A record, a recipe table or another argument defines in `key()` which of its values affect the result. An object that
has no key and is no plain value cannot be an argument of a stage.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from edgetl.core.network import bases
from edgetl.core.run import source_code
from edgetl.core.storage.files import hash_model

# Import name → distribution, where they are different names and not only different spellings.
_DISTRIBUTIONS = {"ethosu": "ethos-u-vela", "PIL": "pillow", "google": "protobuf", "sklearn": "scikit-learn"}
# These libraries validate records and draw tables: they change no result. Optional decoders change which files are
# photos, which the dataset covers. Stages read decoded pixels from the store, so that installing a decoder must not
# train a model again.
_WITHOUT_EFFECT = frozenset({"pydantic", "pydantic_core", "rich", "typer", "pillow_heif", "pillow_jxl"})


@runtime_checkable
class Keyed(Protocol):
    """An object that defines which of its values affect the result of a stage."""

    def key(self) -> object:
        """Return plain values, paths of files, or further keyed objects."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """In place of a file that is not on this machine: it has the same key as a file with this sha256."""

    sha256: str

    def key(self) -> object:
        """Return the sha256, marked as that of a file."""
        return {"sha256": self.sha256}


def compute_fingerprint(stage: str, function: str, arguments: Sequence[object]) -> str:
    """Return the sha256 over everything that affects the result of a stage.

    Args:
        stage: name of the stage in its run, as in "convert-tflite-int8".
        function: full name of the function that is called, as in "edgetl.stages.train.train_model".
        arguments: its arguments.

    Raises:
        TypeError: an argument that has no key.
        OSError: a path is an argument, and its file cannot be read.
    """
    module = function.rpartition(".")[0]
    value = {
        "stage": stage,
        "function": function,
        "arguments": [resolve_key(argument) for argument in arguments],
        "code": source_code.hash_code(module),
        "libraries": list_versions(module),
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def resolve_key(value: object) -> object:  # noqa: PLR0911  (one return for each kind of value)
    """Convert an argument of a stage to JSON values. They differ if the argument may change the result.

    A path is replaced by the hash of its file, because the file may be moved.

    Raises:
        TypeError: a value that has no key.
        OSError: the file of a path cannot be read.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path):
        return FileContent(hash_model(value)).key()
    # Before the other kinds: the key of an object takes precedence over its fields.
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
    """Return the installed version of a distribution, or "absent" if it is not installed."""
    try:
        return _read_version(package)
    # Not kept: the package may be installed from a notebook.
    except metadata.PackageNotFoundError:
        return "absent"


@cache
def _read_version(package: str) -> str:
    # The whole file of metadata is parsed, for a dozen packages of each stage. What is imported keeps its version.
    return metadata.version(package)


def list_versions(module: str) -> dict[str, str]:
    """Map the distributions that a module imports, directly or indirectly, to their versions."""
    imported = set(source_code.list_libraries(module)) - set(sys.stdlib_module_names) - _WITHOUT_EFFECT
    if "keras" in imported:
        # Keras imports its backend by itself: no import statement of ours names jax or torch.
        imported.add(bases.read_backend_name())
    names = sorted(_DISTRIBUTIONS.get(name, name) for name in imported)
    return {name: installed_version(name) for name in names}
