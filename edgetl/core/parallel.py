"""Prediction of photos on all cores or in batches. The results are in the order of the photos."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edgetl.core import machine

# Large enough that Python costs little beside the model, small enough that all cores finish at about the same time.
_CHUNK_PHOTOS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """Predictions of a model file.

    Attributes:
        raw: values of the output tensor, [photos, units], in its own dtype.
        scores: the same dequantized, float32 [photos, units].
        invoke_ms: median latency of one photo on one thread, milliseconds.
        accelerated: whether the optimized kernels ran.
    """

    raw: np.ndarray
    scores: np.ndarray
    invoke_ms: float
    accelerated: bool


@dataclass(frozen=True, slots=True)
class ThreadPredictions:
    """Predictions of one thread.

    Attributes:
        raw: raw outputs of each chunk, [chunk photos, units].
        times_ms: latency of each photo, milliseconds.
    """

    raw: list[np.ndarray]
    times_ms: list[float]


def predict_in_parallel(
    photos: int, predict_chunks: Callable[[list[np.ndarray]], ThreadPredictions]
) -> tuple[np.ndarray, float]:
    """Predict photos on all cores.

    Args:
        photos: number of photos.
        predict_chunks: called once in each thread with the positions of its photos: int64 [chunk photos] for each
            chunk.

    Returns:
        The raw outputs [photos, units] in photo order, and the median latency of one photo in milliseconds.
    """
    chunks = [np.arange(start, min(start + _CHUNK_PHOTOS, photos)) for start in range(0, photos, _CHUNK_PHOTOS)]
    threads = min(machine.count_cores(), len(chunks))
    # Every thread has a fixed set of chunks, so that timing does not decide which interpreter predicts which photo.
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(predict_chunks, [chunks[thread::threads] for thread in range(threads)]))
    raw = np.concatenate([results[chunk % threads].raw[chunk // threads] for chunk in range(len(chunks))])
    return raw, round(statistics.median(ms for result in results for ms in result.times_ms), 4)


def predict_in_batches(
    photos: int,
    batch_size: int,
    predict_rows: Callable[[np.ndarray], np.ndarray],
    advance: Callable[[int], None] = lambda _: None,
) -> np.ndarray:
    """Predict photos in order.

    Args:
        photos: number of photos.
        batch_size: photos in each batch. The last photo fills up the last batch.
        predict_rows: returns [batch_size, units] for the photos at positions int64 [batch_size].
        advance: called after each batch with its number of photos, for a progress bar.

    Returns:
        [photos, units].
    """
    outputs = []
    for start in range(0, photos, batch_size):
        # All batches have the same size: Keras would compile the model again for a smaller last one.
        rows = np.minimum(np.arange(start, start + batch_size), photos - 1)
        count = min(batch_size, photos - start)
        outputs.append(np.asarray(predict_rows(rows))[:count])
        advance(count)
    return np.concatenate(outputs)
