"""Rewrites a .keras file so that its bytes depend on the model only, and not on the time and process that saved it.

A .keras file is a zip archive of metadata.json, config.json, model.weights.h5 and assets. Three things in it differ
each time: the time of each entry, the date in metadata.json, and the memory addresses that config.json has as numbers
of shared objects.
"""

import json
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

# The first time that a zip archive can contain.
_TIME = (1980, 1, 1, 0, 0, 0)
_DATE_SAVED = "1980-01-01@00:00:00"
_SHARED_ID = "shared_object_id"


def rewrite_keras_archive(source: Path, target: Path) -> None:
    """Copy a .keras file with fixed times and sorted entries. It loads as the same model.

    Args:
        source: as Keras has written it.
        target: the file to write.

    Raises:
        OSError: a file cannot be read or written.
    """
    with ZipFile(source) as archive, ZipFile(target, "w") as rewritten:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            copy = ZipInfo(entry.filename, _TIME)
            copy.compress_type, copy.external_attr, copy.create_system = entry.compress_type, entry.external_attr, 3
            if entry.filename in ("config.json", "metadata.json"):
                rewritten.writestr(copy, normalize_json(archive.read(entry)))
                continue
            # With the size, zipfile knows whether the entry needs 64-bit lengths.
            copy.file_size = entry.file_size
            with archive.open(entry) as content, rewritten.open(copy, "w") as copied:
                shutil.copyfileobj(content, copied)


def normalize_json(content: bytes) -> bytes:
    """Return config.json or metadata.json with a fixed date, and with shared objects numbered in their order."""
    numbers: dict[int, int] = {}

    def normalize(value: Any) -> Any:
        if isinstance(value, list):
            return [normalize(item) for item in value]
        if not isinstance(value, dict):
            return value
        normal = {key: normalize(item) for key, item in value.items()}
        if isinstance(normal.get(_SHARED_ID), int):
            normal[_SHARED_ID] = numbers.setdefault(normal[_SHARED_ID], len(numbers) + 1)
        return normal

    value = normalize(json.loads(content))
    if "date_saved" in value:
        value["date_saved"] = _DATE_SAVED
    # The keys keep their order: in a dictionary of inputs it can have a meaning.
    return json.dumps(value).encode()
