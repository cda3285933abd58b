"""The feature store: outputs of frozen layers, computed once, as memory-mapped float32 rows in the cache.

`<cache>/features/<format>/<key>/<id>/` is a segment of n photos: `rows` float32 [n, …] and `sha256` uint8 [n, 32],
both raw, and `checksums.json`. The key is a hash of network, split point, pixels and view, so a segment never becomes
invalid. A rename completes it.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError
from edgetl.core.storage import checksums
from edgetl.core.storage.cache import create_cached_folder, drop_cached_folder, locate_cache, remove_unfinished
from edgetl.core.storage.mapped_rows import MappedRows, find_places

Rows = NDArray[np.float32]
_FILES = ("rows", "sha256")


class Features(MappedRows):
    """The features of a sequence of photos: float32 [photos, *row_shape]."""

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Rows:
        """Return the features at these positions as a new array: float32 [indices, *row_shape]."""
        return self.gather(indices, np.float32).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """The features of one key.

    Attributes:
        key: hash of what they depend on.
        shape: shape of one photo's features.
        warn: called with a sentence if stored features are damaged.
    """

    key: str
    shape: tuple[int, ...]
    warn: Callable[[str], None] = lambda _: None

    def find_missing(self, sha256s: Sequence[str]) -> list[int]:
        """List the positions of the photos without features. Of equal photos, only the first is listed."""
        stored = {sha256 for segment in self._list_intact(sha256s) for sha256 in _read_sha256s(segment)}
        missing = []
        for position, sha256 in enumerate(sha256s):
            if sha256 not in stored:
                stored.add(sha256)
                missing.append(position)
        return missing

    @contextmanager
    def add_rows(self, sha256s: Sequence[str]) -> Iterator[Rows]:
        """Yield an array for the features of these photos: float32 [photos, *shape]. It is stored if no error occurs.

        Raises:
            EdgetlError: the disk of the cache is full, or the cache cannot be written.
        """
        remove_unfinished(self._folder)
        with create_cached_folder(self._folder / uuid.uuid4().hex) as unfinished:
            np.frombuffer(bytes.fromhex("".join(sha256s)), np.uint8).tofile(unfinished / "sha256")
            # On a full disk, this call raises an error. A write into the map would end the process by SIGBUS.
            with (unfinished / "rows").open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, len(sha256s) * self.row_bytes)
            rows = np.memmap(unfinished / "rows", np.float32, mode="r+", shape=(len(sha256s), *self.shape))
            yield rows
            rows.flush()
            checksums.write_checksums(unfinished, _FILES)

    def open_features(self, sha256s: Sequence[str]) -> Features:
        """Open the features of photos, in this order.

        Raises:
            DataError: some are not stored.
        """
        segments = self._list_intact(sha256s)
        places = find_places(sha256s, [_read_sha256s(segment) for segment in segments])
        if (places < 0).any():
            raise DataError(
                "features of photos are not in the cache any more",
                where=[self._folder],
                hint="run the same command again: it computes them again",
            )
        return Features(lambda number: self._map(segments[number]), places, self.shape)

    @property
    def row_bytes(self) -> int:
        """Size of one photo's features, bytes."""
        return np.dtype(np.float32).itemsize * prod(self.shape)

    @property
    def _folder(self) -> Path:
        return locate_feature_store() / self.key

    def _list_segments(self) -> list[Path]:
        folders = sorted(path for path in self._folder.glob("[0-9a-f]*") if path.is_dir())
        return [path for path in folders if self._is_complete(path)]

    def _list_intact(self, sha256s: Sequence[str]) -> list[Path]:
        """List the segments with features of these photos. Damaged ones are dropped."""
        requested = set(sha256s)
        segments = [path for path in self._list_segments() if not requested.isdisjoint(_read_sha256s(path))]
        damaged = [path for path in segments if not checksums.match_checksums(path, _FILES)]
        for path in damaged:
            photos = len(_read_sha256s(path))
            self.warn(f"features of {photos} photos in the cache are damaged and are computed again ({path})")
            drop_cached_folder(path)
        return [path for path in segments if path not in damaged]

    def _is_complete(self, segment: Path) -> bool:
        """Check the sizes: after a power failure, a file can be shorter than it was written."""
        try:
            photos, remainder = divmod((segment / "sha256").stat().st_size, 32)
            return not remainder and (segment / "rows").stat().st_size == photos * self.row_bytes
        except FileNotFoundError:  # Another process has dropped a damaged segment.
            return False

    def _map(self, segment: Path) -> Rows:
        photos = (segment / "sha256").stat().st_size // 32
        return np.memmap(segment / "rows", np.float32, mode="r", shape=(photos, *self.shape))


def locate_feature_store() -> Path:
    """Return the folder of the features of all keys."""
    return locate_cache() / "features" / str(checksums.FORMAT)


def compute_budget_bytes(requested: int) -> int:
    """Return how many bytes the features of one training may use: `requested`, or 10 % of the free disk space for 0."""
    folder = locate_feature_store()
    # disk_usage needs a folder that exists, and the cache may not exist yet.
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    return requested or shutil.disk_usage(existing).free // 10


def _read_sha256s(segment: Path) -> list[str]:
    return [row.tobytes().hex() for row in np.fromfile(segment / "sha256", np.uint8).reshape(-1, 32)]
