"""Prediction of photos on all cores or in batches. The results are in the order of the photos."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgetl.core import machine
from edgetl.core.device.host_latency import HostLatency
from edgetl.core.interrupt import check_interrupt
from edgetl.core.photos.pixel_store import Pixels

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
# Large enough that Python costs little beside the model, small enough that all cores finish at about the same time,
# also on reference kernels, which are slow.
_CHUNK_PHOTOS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """Predictions of a model file.

    Attributes:
        raw: values of the output tensor, [photos, units], in its own dtype.
        scores: the same dequantized, float32 [photos, units].
        latency: latency of one photo on one thread of this machine, without preprocessing.
        accelerated: whether the optimized kernels ran.
        features: values of the second output, dequantized, float32 [photos, features]; None for a file without one.
    """

    raw: np.ndarray
    scores: np.ndarray
    latency: HostLatency
    accelerated: bool
    features: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturePredictions:
    """Both outputs of a file, dequantized.

    Attributes:
        scores: float32 [photos, units].
        features: float32 [photos, features], the input of the first dense layer of the head.
    """

    scores: np.ndarray
    features: np.ndarray


def predict_in_parallel(photos: int, predict_chunks: Callable[[list[np.ndarray]], list[np.ndarray]]) -> np.ndarray:
    """Predict photos on all cores.

    Args:
        photos: number of photos.
        predict_chunks: called once in each thread with the positions of its photos, int64 [chunk photos] for each
            chunk; returns the raw outputs of each chunk, [chunk photos, units].

    Returns:
        The raw outputs [photos, units] in photo order.
    """
    chunks = [np.arange(start, min(start + _CHUNK_PHOTOS, photos)) for start in range(0, photos, _CHUNK_PHOTOS)]
    threads = min(machine.count_cores(), len(chunks))
    # Every thread has a fixed set of chunks, so that timing does not decide which interpreter predicts which photo.
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(predict_chunks, [chunks[thread::threads] for thread in range(threads)]))
    return np.concatenate([results[chunk % threads][chunk // threads] for chunk in range(len(chunks))])


def join_outputs(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Join the outputs for one photo to one value of a structured dtype, which `predict_in_parallel` stacks.

    Args:
        outputs: of any shapes and dtypes.

    Returns:
        An array without axes, with a field for each output. `split_outputs` divides a stack of them.
    """
    joined = np.zeros((), [(str(place), output.dtype, output.shape) for place, output in enumerate(outputs)])
    for place, output in enumerate(outputs):
        joined[str(place)] = output
    return joined


def split_outputs(joined: np.ndarray) -> list[np.ndarray]:
    """Divide [photos] values of `join_outputs` into the outputs: [photos, ...] each, in its own dtype."""
    return [np.ascontiguousarray(joined[name]) for name in joined.dtype.names or ()]


def predict_one_by_one(
    photos: Pixels,
    chunks: Sequence[np.ndarray],
    predict_photo: Callable[[np.ndarray], np.ndarray],
    advance: Callable[[int], None],
) -> list[np.ndarray]:
    """Predict the photos of one thread, each alone, as devices do.

    Args:
        photos: uint8 [photos, height, width, 3].
        chunks: positions of the photos, int64 [chunk photos] for each chunk.
        predict_photo: returns the outputs [units] for uint8 [1, height, width, 3].
        advance: called with the number of photos of each chunk.

    Returns:
        [chunk photos, units] for each chunk.
    """
    outputs = []
    for rows in chunks:
        outputs.append(np.stack([predict_photo(photo[None]) for photo in photos.rows(rows)]))
        advance(len(rows))
    return outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPlan:
    """How many photos are predicted, in batches of which size, and how many batches at the same time."""

    count: int
    size: int
    threads: int = 1


def predict_in_batches(
    plan: BatchPlan,
    predict_rows: Callable[[np.ndarray], np.ndarray],
    advance: Callable[[int], None] = lambda _: None,
) -> np.ndarray:
    """Predict photos in order.

    Args:
        plan: number of photos, size of a batch, and number of threads.
        predict_rows: returns [size, …] for the photos at positions int64 [size]. The last photo fills up the last
            batch. The first batch is predicted alone, so that a function that compiles itself does so once.
        advance: called after each batch with its number of photos, for a progress bar.

    Returns:
        [count, …].
    """

    def predict(start: int) -> np.ndarray:
        check_interrupt()
        # All batches have the same size: Keras would compile the model again for a smaller last one.
        rows = np.minimum(np.arange(start, start + plan.size), plan.count - 1)
        number = min(plan.size, plan.count - start)
        outputs = np.asarray(predict_rows(rows))[:number]
        advance(number)
        return outputs

    first, *others = range(0, plan.count, plan.size)
    outputs = [predict(first)]
    if plan.threads == 1:
        outputs += map(predict, others)
    else:
        with ThreadPoolExecutor(plan.threads) as pool:
            outputs += pool.map(predict, others)
    return np.concatenate(outputs)


def prepare_ahead(items: Iterable[_Item], prepare: Callable[[_Item], _Result]) -> Iterator[_Result]:
    """Yield the result of a function for each item in order, while another thread computes the next one.

    Args:
        items: what the function takes.
        prepare: is called in one other thread. What it raises is raised here, where its result would be.
    """
    with ThreadPoolExecutor(1) as pool:
        pending: Future[_Result] | None = None
        for item in items:
            following = pool.submit(prepare, item)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()
