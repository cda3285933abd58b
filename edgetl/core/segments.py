"""In: decoded photos and what is known of them. Out: the same from disk, whole or not there.

`<cache>/pixels/<fit>-<side>-<digest>/<n>-<id>/` is a segment of n photos: `pixels` uint8 [n, side, side, 3], `sha256`
[n, 32], `looks` [n, 243], raw, and `problems.json`, sha256 → why that content is no usable photo. The digest is that
of the code that made them. A segment appears by one rename: two processes may fill at once, and one that is killed
loses at most the segment it was writing.
`<cache>/catalogues/<root>.json` remembers size, time and sha256 of each file, so that an unchanged one is not read.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core import looks, pixels
from edgetl.core.cache import appearing, cache_root, replace
from edgetl.core.records import Input

STALE_S = 24 * 3600

Bytes = NDArray[np.uint8]
Stamp = tuple[int, int, str]  # Size in bytes, time of change in ns, sha256.


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some content: its looks, and why it is unusable ("" if it is not)."""

    looks: bytes
    problem: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment on disk, of `photos` photos."""

    path: Path
    photos: int
    side_px: int

    def sha256s(self) -> list[str]:
        """The sha256 of each photo, in hex, in the order of their pixels."""
        return [row.tobytes().hex() for row in self._rows("sha256", 32)]

    def pixels(self) -> Bytes:
        """uint8 [photos, side, side, 3], mapped from disk, not read."""
        if not self.photos:
            return np.empty((0, self.side_px, self.side_px, 3), np.uint8)
        shape = (self.photos, self.side_px, self.side_px, 3)
        return np.memmap(self.path / "pixels", np.uint8, mode="r", shape=shape)

    def known(self) -> dict[str, Known]:
        """What is known of each content, by sha256."""
        problems = json.loads((self.path / "problems.json").read_text())
        unusable = {sha256: Known(b"", problem) for sha256, problem in problems.items()}
        seen = self._rows("looks", looks.BYTES)
        return unusable | {sha256: Known(seen[row].tobytes(), "") for row, sha256 in enumerate(self.sha256s())}

    def _rows(self, name: str, width: int) -> Bytes:
        return np.fromfile(self.path / name, np.uint8).reshape(-1, width)

    def is_whole(self) -> bool:
        """Whether every byte is there; after a power cut a file can be shorter than what was written."""
        widths = {"pixels": self.side_px**2 * 3, "sha256": 32, "looks": looks.BYTES}
        sizes = {name: _size(self.path / name) for name in widths}
        complete = all(sizes[name] == self.photos * width for name, width in widths.items())
        return complete and _size(self.path / "problems.json") > 0


def folder(shape: Input) -> Path:
    """Where the segments for this input are."""
    sources = (Path(module.__file__ or "").read_bytes() for module in (pixels, looks))
    made_by = hashlib.sha256(b"".join(sources)).hexdigest()[:12]
    return cache_root() / "pixels" / f"{shape.fit}-{shape.side_px}-{made_by}"


def stored(shape: Input) -> list[Segment]:
    """The whole segments for this input."""
    found = (
        Segment(path, int(path.name.split("-")[0]), shape.side_px) for path in sorted(folder(shape).glob("[0-9]*-*"))
    )
    return [segment for segment in found if segment.is_whole()]


def store(shape: Input, photos: Sequence[tuple[str, bytes, Bytes]], problems: Mapping[str, str]) -> None:
    """Write one segment.

    Args:
        shape: the input the photos were decoded for.
        photos: sha256 in hex, looks and pixels of each.
        problems: sha256 → why that content is unusable.

    Raises:
        EdgetlError: the cache's disk is full or cannot be written.
    """
    with appearing(folder(shape) / f"{len(photos)}-{uuid.uuid4().hex[:12]}") as part:
        _write(part / "pixels", (row.data for _, _, row in photos))
        _write(part / "sha256", (bytes.fromhex(sha256) for sha256, _, _ in photos))
        _write(part / "looks", (seen for _, seen, _ in photos))
        _write(part / "problems.json", [json.dumps(problems).encode()])


def sweep(shape: Input) -> None:
    """Remove what a killed process left half written, once it is a day old and so surely nobody's."""
    for part in folder(shape).glob(".part-*"):
        if time.time() - part.stat().st_mtime > STALE_S:
            shutil.rmtree(part, ignore_errors=True)


def catalogue(root: Path) -> dict[str, Stamp]:
    """What is remembered of the files under a root, by path; nothing where the catalogue is missing or cut short."""
    try:
        entries = json.loads(_catalogue(root).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {path: (size, time_ns, sha256) for path, (size, time_ns, sha256) in entries.items()}


def store_catalogue(root: Path, files: Mapping[str, Stamp]) -> None:
    """Remember the files under a root, in place of what was remembered before. Raises EdgetlError like `store`."""
    replace(_catalogue(root), json.dumps(files).encode())


def _catalogue(root: Path) -> Path:
    return cache_root() / "catalogues" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"


def _write(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
