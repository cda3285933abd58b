"""A pool of formula images that worker processes refill. In: a plan. Out: the batches of each epoch.

Training draws its batches from a pool of the latest shards. Each epoch adds one shard and drops the oldest, so that an
image is used a few times and never again. Which images an epoch uses depends on the plan and the epoch alone.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from tools.formula.classes import Bytes, Labels, Plan
from tools.formula.images import draw_shard


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolSettings:
    """Images in a batch and in a shard, shards in the pool, and how often an image is used on average (`reuse`)."""

    batch: int = 128
    shard: int = 2048
    pool: int = 8
    reuse: int = 3

    @property
    def steps(self) -> int:
        """Training steps in an epoch, which trains on `reuse` x `shard` images."""
        return self.reuse * self.shard // self.batch


class Pool:
    """The latest shards. Worker processes draw the next ones ahead."""

    def __init__(self, plan: Plan, settings: PoolSettings, workers: int, epoch: int) -> None:
        """Make a pool that begins at an epoch, counted from 0."""
        self.settings, self._plan, self._workers = settings, plan, workers
        size = settings.pool * settings.shard
        self._pixels = np.empty((size, plan.side_px, plan.side_px, 3), np.uint8)
        self._labels = np.empty(size, np.int64)
        # The oldest shard that the first epoch still uses.
        self._next_stored = self._next_submitted = max(0, epoch + 1 - settings.pool)
        self._pending: list[Future[tuple[Bytes, Labels]]] = []
        spawn = multiprocessing.get_context("spawn")
        self._processes = ProcessPoolExecutor(workers, spawn, _start_worker)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.shutdown(cancel_futures=True)

    def refresh(self, epoch: int) -> None:
        """Store the shards up to that of an epoch; wait until they are drawn."""
        while self._next_stored <= epoch:
            self._store_next()

    def draw_batches(self, epoch: int) -> Iterator[tuple[Bytes, Labels]]:
        """Yield the batches of an epoch: images and their classes."""
        filled = min(epoch + 1, self.settings.pool) * self.settings.shard
        rng = np.random.default_rng((self._plan.seed, 2, epoch))
        for places in rng.integers(filled, size=(self.settings.steps, self.settings.batch)):
            yield self._pixels[places], self._labels[places]

    def _store_next(self) -> None:
        # One shard more than there are workers is in progress, so that no worker waits for this process.
        while len(self._pending) <= self._workers:
            future = self._processes.submit(draw_shard, self._plan, self._next_submitted, self.settings.shard)
            self._pending.append(future)
            self._next_submitted += 1
        start = self._next_stored % self.settings.pool * self.settings.shard
        place = slice(start, start + self.settings.shard)
        self._pixels[place], self._labels[place] = self._pending.pop(0).result()
        self._next_stored += 1


def _start_worker() -> None:
    """Make this worker end when its parent process ends, however that ends."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
