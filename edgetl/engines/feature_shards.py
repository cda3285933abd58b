"""Features of shards of photos as tasks: pixels and a file go to a worker, float32 rows come back.

The file is converted once, by the process that trains. A shard consists of whole batches of it, so that each batch has
the photos that it has on one machine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgetl.core.execution.executor import Executor, Resources, TaskSpec
from edgetl.core.photos import augment
from edgetl.core.recipe.tables import AugmentRecipe
from edgetl.core.storage.feature_store import Rows
from edgetl.engines.litert_pool import BATCH_SIZE, LiteRtPool

# Pixels and features of one shard. The tasks that are in flight at once must fit into the memory of every machine.
_SHARD_BYTES = 16 * 1024 * 1024
_LARGEST_SHARD = 256
# A teacher and a student are trained at once.
_OPEN_FILES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """What changes photos into a view: see `augment.augment_photos`."""

    view: int
    seed: int
    recipe: AugmentRecipe


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedNetwork:
    """What the tasks of one view have in common: a LiteRT file, and the augmentation; None for photos as they are."""

    content: bytes
    augmentation: Augmentation | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardPhotos:
    """The photos of a task: uint8 [photos, height, width, 3], not augmented, and the hash of each."""

    pixels: np.ndarray
    sha256s: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSource:
    """The photos of a view.

    Attributes:
        pixels: function from rows to uint8 [rows, height, width, 3], not augmented.
        sha256s: of all photos of the view.
        augmentation: None for photos as they are.
    """

    pixels: Callable[[np.ndarray], np.ndarray]
    sha256s: Sequence[str]
    augmentation: Augmentation | None


class FeatureTasks:
    """Computes features by an executor.

    Args:
        executor: runs the tasks.
        content: the LiteRT file, with a batch of `BATCH_SIZE` photos.
    """

    def __init__(self, executor: Executor, content: bytes) -> None:
        self._executor = executor
        self._content = content

    def run(self, rows: np.ndarray, source: ShardSource, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        """Compute the features of some rows of a view.

        Args:
            rows: int64 [photos].
            source: the photos of the view.
            outputs: float32 [photos, …] for each output of the file, written in place.
            advance: called with the number of photos in each finished shard.

        Raises:
            EdgetlError: a task failed.
        """
        if not len(rows):
            return
        shared = SharedNetwork(content=self._content, augmentation=source.augmentation)
        spec = TaskSpec(function=compute_shard, shared=shared, resources=Resources(), title="computes features")
        photo_bytes = source.pixels(rows[:1]).nbytes + sum(output[:1].nbytes for output in outputs)
        size = choose_shard_size(photo_bytes)
        for number, features in self._executor.run(spec, _read_shards(rows, source, size)):
            start = number * size
            for output, shard in zip(outputs, features, strict=True):
                output[start : start + len(shard)] = shard
            advance(len(features[0]))


def choose_shard_size(photo_bytes: int) -> int:
    """Return how many photos a shard has: whole batches.

    Args:
        photo_bytes: pixels and features of one photo.
    """
    photos = min(_LARGEST_SHARD, _SHARD_BYTES // max(1, photo_bytes))
    return max(BATCH_SIZE, photos // BATCH_SIZE * BATCH_SIZE)


def compute_shard(shared: SharedNetwork, photos: ShardPhotos) -> list[np.ndarray]:
    """Return the outputs of the network for the photos of a shard: float32 [photos, …] for each of them."""
    change, pixels = shared.augmentation, photos.pixels
    if change is not None:
        pixels = augment.augment_photos(pixels, photos.sha256s, change.view, change.seed, change.recipe)
    pool = _open_pool(shared.content)
    outputs = [np.empty((len(pixels), *shape), np.float32) for shape in pool.list_shapes()]
    pool.run(np.arange(len(pixels)), lambda rows: pixels[rows], outputs, lambda _: None)
    return outputs


def _read_shards(rows: np.ndarray, source: ShardSource, size: int) -> Iterator[ShardPhotos]:
    for start in range(0, len(rows), size):
        shard = rows[start : start + size]
        yield ShardPhotos(pixels=source.pixels(shard), sha256s=[source.sha256s[row] for row in shard])


@lru_cache(_OPEN_FILES)
def _open_pool(content: bytes) -> LiteRtPool:
    """Open a file once for all tasks of a process. A task has one core."""
    return LiteRtPool(content, threads=1)
