"""A pool of formula images that worker processes keep fresh. In: a plan. Out: batches, epoch by epoch.

Training draws its batches from a pool of the latest shards; an epoch adds one and drops the oldest, so that an image is
seen a few times and never comes back. Which images those are depends on the plan and the epoch alone.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from formula_classes import Bytes, Labels, Plan
from formula_images import shard


@dataclass(frozen=True, kw_only=True, slots=True)
class Turnover:
    """Images in a batch and in a shard, shards in the pool; an image is seen `reuse` times on average."""

    batch: int = 128
    shard: int = 2048
    pool: int = 8
    reuse: int = 3

    @property
    def steps(self) -> int:
        """Batches an epoch, which is `reuse` x `shard` images."""
        return self.reuse * self.shard // self.batch


class Pool:
    """The latest shards, drawn ahead by worker processes."""

    def __init__(self, plan: Plan, turnover: Turnover, workers: int, epoch: int) -> None:
        self.turnover, self._plan, self._workers = turnover, plan, workers
        size = turnover.pool * turnover.shard
        self._pixels = np.empty((size, plan.side_px, plan.side_px, 3), np.uint8)
        self._labels = np.empty(size, np.int64)
        self._next = self._asked = max(0, epoch + 1 - turnover.pool)
        self._coming: list[Future[tuple[Bytes, Labels]]] = []
        spawn = multiprocessing.get_context("spawn")
        self._processes = ProcessPoolExecutor(workers, spawn, _begin)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.shutdown(cancel_futures=True)

    def refresh(self, epoch: int) -> None:
        """Bring the pool to where an epoch finds it; waits until its shard is drawn."""
        while self._next <= epoch:
            self._take()

    def batches(self, epoch: int) -> Iterator[tuple[Bytes, Labels]]:
        """The batches of an epoch, images and classes."""
        filled = min(epoch + 1, self.turnover.pool) * self.turnover.shard
        rng = np.random.default_rng((self._plan.seed, 2, epoch))
        for places in rng.integers(filled, size=(self.turnover.steps, self.turnover.batch)):
            yield self._pixels[places], self._labels[places]

    def _take(self) -> None:
        while len(self._coming) <= self._workers:
            asked = self._processes.submit(shard, self._plan, self._asked, self.turnover.shard)
            self._coming.append(asked)
            self._asked += 1
        start = self._next % self.turnover.pool * self.turnover.shard
        place = slice(start, start + self.turnover.shard)
        self._pixels[place], self._labels[place] = self._coming.pop(0).result()
        self._next += 1


def _begin() -> None:
    """In a worker: go when the process that started it goes, however that ends."""
    threading.Thread(target=_outlive, daemon=True).start()


def _outlive() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
