"""Photos shared out over the cores: one share a core in, one Run out, in photo order whatever came first."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edgetl.core import machine

_CHUNK = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """What an artifact answered: its own output numbers [photos, outputs], the same as scores, pace and kernels."""

    raw: np.ndarray
    scores: np.ndarray
    invoke_ms: float
    accelerated: bool


@dataclass(frozen=True, slots=True)
class ThreadPredictions:
    """One core's answers, an array for each chunk of its photos, and the milliseconds of every single one."""

    raw: list[np.ndarray]
    times_ms: list[float]


def predict_in_parallel(
    photos: int, answer: Callable[[list[np.ndarray]], ThreadPredictions]
) -> tuple[np.ndarray, float]:
    """All answers [photos, outputs], and the median milliseconds of one.

    Args:
        photos: how many.
        answer: called once a core, each in a thread of its own, with the rows it has to answer, chunk by chunk.
    """
    chunks = [np.arange(start, min(start + _CHUNK, photos)) for start in range(0, photos, _CHUNK)]
    workers = min(machine.count_cores(), len(chunks))
    # Worker k takes every workers-th chunk: who answers which photo does not depend on timing.
    shares = [chunks[k::workers] for k in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(answer, shares))
    raw = np.concatenate([answers[k % workers].raw[k // workers] for k in range(len(chunks))])
    return raw, round(statistics.median(ms for one in answers for ms in one.times_ms), 4)
