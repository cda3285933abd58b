"""The container of a model from a stranger, checked before anything is unpacked: sizes that a .keras or .h5 declares.

A small file can declare arrays of any size: an archive of zeros, or an HDF5 dataset that was never written.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import h5py

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.storage.files import parse_json
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, open_regular
from edgetl.engines.keras.external.config_bounds import check_config
from edgetl.engines.keras.external.model_kinds import find_kind

# The configuration of NASNetLarge has 0.9 MB.
_LARGEST_CONFIG_BYTES = 16 * 1024 * 1024
_MOST_ENTRIES = 1000
_MOST_OBJECTS = 100_000
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_KERAS_HINT = "save the model with model.save('FILE.keras')"


def check_model_file(path: Path) -> None:
    """Check the sizes that a model file declares, and the configuration of its network.

    A damaged HDF5 file may end the process. So `inspection` calls this function in a child process first.

    Args:
        path: a .keras, .h5 or .hdf5 file.

    Raises:
        ConfigError: no such file, another kind of file, or one that declares a size above a bound.
    """
    kind = find_kind(path)
    if kind not in ("keras", "h5"):
        raise ConfigError("not a Keras model: a .keras or .h5 file is needed here", where=(path,), hint=_KERAS_HINT)
    check_container(path)
    with _name_file(path):
        if kind == "h5":
            check_h5(path)
            return
        with zipfile.ZipFile(path) as archive:
            if _WEIGHTS in archive.namelist():
                check_h5(io.BytesIO(archive.read(_WEIGHTS)))


def check_container(path: Path) -> None:
    """Check all that `check_model_file` checks without opening an HDF5 file, in milliseconds.

    Raises:
        ConfigError: see `check_model_file`.
    """
    kind = find_kind(path)
    with _name_file(path):
        if kind == "keras":
            _check_keras(path)
        if kind == "saved_model":
            _check_folder(path)


@contextmanager
def _name_file(path: Path) -> Iterator[None]:
    """Add the file to an error that names no place, and explain a damaged archive."""
    try:
        yield
    except ConfigError as error:
        error.where = error.where or (str(path),)
        raise
    # A damaged archive raises any of these in zipfile.
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        message = f"not a Keras model that can be read: {first_line(error)}"
        raise ConfigError(message, where=(path,), hint=_KERAS_HINT) from error


def check_h5(source: Path | io.BytesIO) -> None:
    """Check the sizes that an HDF5 file declares, and the configuration of its network if it contains one.

    Raises:
        ConfigError: no HDF5 file, a link, data in another file, or sizes above a bound.
    """
    try:
        with h5py.File(source, "r") as file:
            _check_objects(file)
            text = file.attrs.get("model_config")
            if isinstance(text, str | bytes):
                check_config(_parse_config(text))
    # A damaged file raises any of these in h5py.
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"not a .h5 file that can be read: {first_line(error)}",
            hint="copy or download the file again; if it is damaged at its source, save the model again",
        ) from error


def _check_keras(path: Path) -> None:
    with open_regular(path, LARGEST_MODEL_BYTES) as file, zipfile.ZipFile(file) as archive:
        _check_archive(archive)


def _check_folder(folder: Path) -> None:
    """Check the files of a SavedModel: regular ones, no links, and all together within the bound."""
    total_bytes = 0
    for count, path in enumerate(folder.rglob("*"), 1):
        if count > _MOST_ENTRIES:
            raise ConfigError(f"the folder contains more than {_MOST_ENTRIES} files")
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ConfigError(f"{path.relative_to(folder)} is no regular file", where=(folder,))
        total_bytes += path.stat().st_size if path.is_file() else 0
    if total_bytes > LARGEST_MODEL_BYTES:
        raise ConfigError(f"the folder contains more than {LARGEST_MODEL_BYTES >> 30} GiB")


def _check_archive(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if any(name.endswith("data.pkl") for name in names):
        raise ConfigError("the file was saved by PyTorch, and contains a pickle", hint=_KERAS_HINT)
    if _CONFIG not in names:
        raise ConfigError(f"not a Keras model: the archive contains no {_CONFIG}", hint=_KERAS_HINT)
    if len(entries) > _MOST_ENTRIES:
        raise ConfigError(f"the archive contains more than {_MOST_ENTRIES} files")
    if len(names) < len(entries):
        raise ConfigError("the archive contains two files of the same name")
    if archive.getinfo(_CONFIG).file_size > _LARGEST_CONFIG_BYTES:
        raise ConfigError(f"{_CONFIG} is over the limit of {_LARGEST_CONFIG_BYTES >> 20} MiB")
    if sum(entry.file_size for entry in entries) > LARGEST_MODEL_BYTES:
        raise ConfigError(f"the archive unpacks to more than {LARGEST_MODEL_BYTES >> 30} GiB")
    # zipfile reads no more than the declared size of an entry.
    check_config(_parse_config(archive.read(_CONFIG)))


def _parse_config(text: str | bytes) -> Any:
    if len(text) > _LARGEST_CONFIG_BYTES:
        raise ConfigError(f"the configuration of the network is over the limit of {_LARGEST_CONFIG_BYTES >> 20} MiB")
    try:
        return parse_json(text)
    except ValueError as error:
        raise ConfigError(f"the configuration of the network cannot be read: {first_line(error)}") from error


def _check_objects(file: h5py.File) -> None:
    """Check all groups and datasets. A group may contain itself: each is visited once."""
    total_bytes, seen, stack = 0, set(), [file["/"]]
    while stack:
        item = stack.pop()
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > _MOST_OBJECTS:
            raise ConfigError(f"the file contains more than {_MOST_OBJECTS} HDF5 objects")
        total_bytes += sum(_measure(item.attrs.get_id(name)) for name in item.attrs)
        if isinstance(item, h5py.Dataset):
            total_bytes += _measure_dataset(item)
        elif isinstance(item, h5py.Group):
            for name in item:
                if not isinstance(item.get(name, getlink=True), h5py.HardLink):
                    raise ConfigError(f"the file contains a link to other data: {name}")
                stack.append(item[name])
        if total_bytes > LARGEST_MODEL_BYTES:
            raise ConfigError(f"the file declares arrays of more than {LARGEST_MODEL_BYTES >> 30} GiB")


def _measure_dataset(dataset: h5py.Dataset) -> int:
    """Return the declared size of a dataset and of its largest part in memory, bytes."""
    if dataset.external or dataset.is_virtual:
        raise ConfigError(f"the data of {dataset.name} are in another file")
    return _measure(dataset.id) + prod(dataset.chunks or (0,)) * dataset.dtype.itemsize


def _measure(identifier: Any) -> int:
    return int(identifier.get_space().get_simple_extent_npoints()) * int(identifier.get_type().get_size())
