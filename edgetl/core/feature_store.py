"""What a frozen network says of photos, computed once: float32 rows in a memory-mapped, content-addressed cache.

`<cache>/features/<key>/<id>/` is a segment of n photos: `rows` float32 [n, …] and `sha256` [n, 32], raw. The key names
network, cut, pixels and view, so a segment never goes stale; it appears by one rename and is whole or not there.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core.cache import create_folder, locate_cache, remove_stale_parts

Rows = NDArray[np.float32]


class Features:
    """The rows of a sequence of photos: on disk, gathered on demand."""

    def __init__(self, maps: Sequence[Rows], places: NDArray[np.int64], shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._maps = maps
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Rows:
        """The rows at these positions, as a fresh array: float32 [n, *shape]."""
        places = self._places[np.asarray(indices, np.int64)]
        gathered = np.empty((len(places), *self.shape), np.float32)
        for segment in np.unique(places[:, 0]):
            here = places[:, 0] == segment
            gathered[here] = self._maps[segment][places[here, 1]]
        return gathered


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """The rows of one key. `shape` is that of one row."""

    key: str
    shape: tuple[int, ...]

    def missing(self, sha256s: Sequence[str]) -> list[int]:
        """The positions of the photos that have no row yet; of copies only the first."""
        known = {sha256 for segment in self._segments() for sha256 in _sha256s(segment)}
        absent = []
        for position, sha256 in enumerate(sha256s):
            if sha256 not in known:
                known.add(sha256)
                absent.append(position)
        return absent

    @contextmanager
    def adding(self, sha256s: Sequence[str]) -> Iterator[Rows]:
        """Room for the rows of these photos, float32 [photos, *shape]; they count once the block is left unharmed.

        Raises:
            EdgetlError: the cache's disk is full or cannot be written.
        """
        remove_stale_parts(self._folder)
        with create_folder(self._folder / uuid.uuid4().hex) as part:
            np.frombuffer(bytes.fromhex("".join(sha256s)), np.uint8).tofile(part / "sha256")
            # A full disk is an error here; found by a write into the map, it would end the process.
            with (part / "rows").open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, len(sha256s) * self.row_bytes)
            rows = np.memmap(part / "rows", np.float32, mode="r+", shape=(len(sha256s), *self.shape))
            yield rows
            rows.flush()

    def opened(self, sha256s: Sequence[str]) -> Features:
        """The rows of photos that are all there, in this order."""
        segments = self._segments()
        place = {sha: (index, row) for index, path in enumerate(segments) for row, sha in enumerate(_sha256s(path))}
        places = np.array([place[sha256] for sha256 in sha256s], np.int64).reshape(-1, 2)
        return Features([self._mapped(path) for path in segments], places, self.shape)

    @property
    def row_bytes(self) -> int:
        """What one photo takes."""
        return 4 * prod(self.shape)

    @property
    def _folder(self) -> Path:
        return locate_feature_store() / self.key

    def _segments(self) -> list[Path]:
        found = sorted(path for path in self._folder.glob("[0-9a-f]*") if path.is_dir())
        return [path for path in found if self._is_whole(path)]

    def _is_whole(self, segment: Path) -> bool:
        """Whether every byte is there; after a power cut a file can be shorter than what was written."""
        photos, remainder = divmod((segment / "sha256").stat().st_size, 32)
        return not remainder and (segment / "rows").stat().st_size == photos * self.row_bytes

    def _mapped(self, segment: Path) -> Rows:
        photos = (segment / "sha256").stat().st_size // 32
        return np.memmap(segment / "rows", np.float32, mode="r", shape=(photos, *self.shape))


def locate_feature_store() -> Path:
    """Where all features lie."""
    return locate_cache() / "features"


def compute_budget_bytes(asked: int) -> int:
    """How much the features of one network may take: what was asked, or a tenth of the free disk for 0."""
    folder = locate_feature_store()
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    return asked or shutil.disk_usage(place).free // 10


def _sha256s(segment: Path) -> list[str]:
    return [row.tobytes().hex() for row in np.fromfile(segment / "sha256", np.uint8).reshape(-1, 32)]
