"""Run a .tflite over photos on LiteRT, one interpreter and one thread a core.

In: a file and pixels. Out: scores in photo order and the median milliseconds of one invocation on one thread. Which
kernels answered is checked, not assumed: LiteRT drops XNNPACK without a word where it cannot start.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core import machine
from edgetl.core.errors import ConfigError
from edgetl.core.formats import Kernels
from edgetl.core.pixelstore import Pixels

_RESOLVERS = {"xnnpack": OpResolverType.AUTO, "reference": OpResolverType.BUILTIN_REF}
_CHUNK = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What an artifact answered: its own output numbers [photos, outputs], the same as scores, pace and kernels."""

    raw: np.ndarray
    scores: np.ndarray
    invoke_ms: float
    accelerated: bool


def predict(path: Path, photos: Pixels, kernels: Kernels, advance: Callable[[int], None]) -> Run:
    """The artifact's answers.

    Args:
        path: a .tflite file with one uint8 (or float) image input of batch 1 and one output.
        photos: the pixels; uint8 [photos, side, side, 3].
        kernels: "xnnpack", which devices run, or "reference", the plain loops that are the same everywhere.
        advance: told how many more photos are done; called from several threads.

    Returns:
        float32 scores [photos, outputs]: integer outputs are taken times their scale.

    Raises:
        ConfigError: not a TFLite file, or its input does not fit the photos.
    """
    chunks = [np.arange(start, min(start + _CHUNK, len(photos))) for start in range(0, len(photos), _CHUNK)]
    workers = min(machine.cores(), len(chunks))
    # Worker k takes every workers-th chunk: which interpreter answers which photo does not depend on timing.
    shares = [chunks[k::workers] for k in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(lambda share: _answer(path, photos, share, kernels, advance), shares))
    raw = np.concatenate([answers[k % workers].raw[k // workers] for k in range(len(chunks))])
    scores = dequantized(raw, *answers[0].output["quantization"])
    times = [ms for answer in answers for ms in answer.times_ms]
    accelerated = all(answer.accelerated for answer in answers)
    return Run(raw=raw, scores=scores, invoke_ms=round(statistics.median(times), 4), accelerated=accelerated)


def dequantized(raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """The real numbers that a tensor's integers stand for, float32; a scale of 0 says that they are real already."""
    return raw.astype(np.float32) if scale == 0 else (raw.astype(np.float32) - zero_point) * np.float32(scale)


@dataclass(frozen=True, slots=True)
class _Answer:
    raw: list[np.ndarray]
    times_ms: list[float]
    output: Any
    accelerated: bool


def _answer(
    path: Path, photos: Pixels, share: list[np.ndarray], kernels: Kernels, advance: Callable[[int], None]
) -> _Answer:
    interpreter = _opened(path, kernels)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    raw, times_ms = [], []
    for rows in share:
        pixels = photos.rows(rows)
        if tuple(taken["shape"]) != (1, *pixels.shape[1:]):
            raise ConfigError(
                f"the model takes {tuple(map(int, taken['shape']))}, the photos are {(1, *pixels.shape[1:])}",
                where=(path,),
            )
        answers = []
        for photo in _quantized(pixels, taken):
            interpreter.set_tensor(taken["index"], photo[None])
            start = time.perf_counter()
            interpreter.invoke()
            times_ms.append((time.perf_counter() - start) * 1e3)
            answers.append(interpreter.get_tensor(given["index"])[0])
        raw.append(np.stack(answers))
        advance(len(rows))
    return _Answer(raw, times_ms, given, _accelerated(interpreter))


def _quantized(pixels: np.ndarray, taken: Any) -> np.ndarray:
    """The photos in the input's own numbers: an input with a scale wants them divided by it."""
    scale, zero_point = taken["quantization"]
    if not scale or (scale == 1 and zero_point == 0):
        return pixels.astype(taken["dtype"], copy=False)
    limits = np.iinfo(taken["dtype"])
    return np.clip(np.rint(pixels / scale) + zero_point, limits.min, limits.max).astype(taken["dtype"])


def _opened(path: Path, kernels: Kernels) -> Interpreter:
    try:
        interpreter = Interpreter(
            model_path=str(path), num_threads=1, experimental_op_resolver_type=_RESOLVERS[kernels]
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"not a TFLite file that can be run: {str(error).splitlines()[0]}", where=(path,)) from error
    if len(interpreter.get_input_details()) != 1 or len(interpreter.get_output_details()) != 1:
        raise ConfigError("the model must have one input and one output", where=(path,))
    return interpreter


def _accelerated(interpreter: Interpreter) -> bool:
    # LiteRT has no public word for "the delegate runs"; a DELEGATE operator in the plan is the sign.
    return any(node["op_name"] == "DELEGATE" for node in interpreter._get_ops_details())


def accelerated(path: Path) -> bool:
    """Whether XNNPACK takes part when this file runs on this machine."""
    return _accelerated(_opened(path, "xnnpack"))
