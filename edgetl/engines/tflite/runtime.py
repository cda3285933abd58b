"""Run a .tflite over photos on LiteRT, one interpreter and one thread a core.

In: a file and pixels. Out: scores in photo order and the median milliseconds of one invocation on one thread. Which
kernels answered is checked, not assumed: LiteRT drops XNNPACK without a word where it cannot start.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.formats import KernelSet
from edgetl.core.parallel import Predictions, ThreadPredictions, predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels

_RESOLVERS = {"xnnpack": OpResolverType.AUTO, "reference": OpResolverType.BUILTIN_REF}


def predict_file(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
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
    described: list[tuple[Any, bool]] = []

    def answer(share: list[np.ndarray]) -> ThreadPredictions:
        interpreter = _opened(path, kernels)
        described.append((interpreter.get_output_details()[0], _accelerated(interpreter)))
        return _answer(interpreter, path, photos, share, advance)

    raw, invoke_ms = predict_in_parallel(len(photos), answer)
    scores = dequantize(raw, *described[0][0]["quantization"])
    return Predictions(raw=raw, scores=scores, invoke_ms=invoke_ms, accelerated=all(runs for _, runs in described))


def dequantize(raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """The real numbers that a tensor's integers stand for, float32; a scale of 0 says that they are real already."""
    return raw.astype(np.float32) if scale == 0 else (raw.astype(np.float32) - zero_point) * np.float32(scale)


def _answer(
    interpreter: Interpreter, path: Path, photos: Pixels, share: list[np.ndarray], advance: Callable[[int], None]
) -> ThreadPredictions:
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
    return ThreadPredictions(raw, times_ms)


def _quantized(pixels: np.ndarray, taken: Any) -> np.ndarray:
    """The photos in the input's own numbers: an input with a scale wants them divided by it."""
    scale, zero_point = taken["quantization"]
    if not scale or (scale == 1 and zero_point == 0):
        return pixels.astype(taken["dtype"], copy=False)
    limits = np.iinfo(taken["dtype"])
    return np.clip(np.rint(pixels / scale) + zero_point, limits.min, limits.max).astype(taken["dtype"])


def _opened(path: Path, kernels: KernelSet) -> Interpreter:
    try:
        interpreter = Interpreter(
            model_path=str(path), num_threads=1, experimental_op_resolver_type=_RESOLVERS[kernels]
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"not a TFLite file that can be run: {first_line(error)}", where=(path,)) from error
    if len(interpreter.get_input_details()) != 1 or len(interpreter.get_output_details()) != 1:
        raise ConfigError("the model must have one input and one output", where=(path,))
    return interpreter


def _accelerated(interpreter: Interpreter) -> bool:
    # LiteRT has no public word for "the delegate runs"; a DELEGATE operator in the plan is the sign.
    return any(node["op_name"] == "DELEGATE" for node in interpreter._get_ops_details())


def runs_xnnpack(path: Path) -> bool:
    """Whether XNNPACK takes part when this file runs on this machine."""
    return _accelerated(_opened(path, "xnnpack"))
