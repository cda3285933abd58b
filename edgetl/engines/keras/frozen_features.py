"""The frozen half of a network: photos in, what it says of them out, each photo and view computed once.

A frozen network gives the same answer every epoch. On a processor it runs here as a float32 LiteRT program, one
interpreter a core, several times faster than Keras; on a GPU, or under another backend, under Keras itself in large
batches. The answers live in the feature store, keyed by weights, cut, pixels and view. LiteRT's are held against
Keras's at run time.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from edgetl.core import machine
from edgetl.core.errors import StageError
from edgetl.core.feature_store import Features, FeatureStore, Rows
from edgetl.core.photos import augment, segments
from edgetl.core.records import InputSpec
from edgetl.core.runs import installed_version
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.split_points import SplitPoint

# Photos for one invocation: measured on MobileNetV2, 1 to 4 are alike and 8 or more are slower (they leave the cache).
_BATCH = 4
# A segment of the store is closed at this size, so that an interrupted run keeps what it has computed.
_SEGMENT_BYTES = 256 * 1024 * 1024
_PROOF_PHOTOS = 8
_TOLERANCE = 1e-4

PixelRows = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoView:
    """How photos are shown to the frozen half: `pixels(rows)` gives uint8 [n, side, side, 3]; `key` names how."""

    key: str
    sha256s: list[str]
    pixels: PixelRows


class FrozenPart:
    """The network up to its cuts, highest last; everything in it is frozen."""

    def __init__(self, model: keras.Model, found: Sequence[SplitPoint], shape: InputSpec) -> None:
        # A name of its own: Keras counts the others, and the key must not tell the second from the first.
        self._half = keras.Model(model.input, [cut.tensor for cut in found], name="frozen")
        self._shape = shape
        self._shapes = [tuple(int(length) for length in cut.tensor.shape[1:]) for cut in found]
        self._keys = [self._key(cut) for cut in found]

    def stores(self, view: PhotoView) -> list[FeatureStore]:
        """The store of each cut for that view."""
        return [
            FeatureStore(hashlib.sha256(f"{key}/{view.key}".encode()).hexdigest()[:32], shape)
            for key, shape in zip(self._keys, self._shapes, strict=True)
        ]

    def missing_bytes(self, views: Sequence[PhotoView]) -> int:
        """What the stores would grow by."""
        return sum(len(store.missing(view.sha256s)) * store.row_bytes for view in views for store in self.stores(view))

    def fill(self, views: Sequence[PhotoView], advance: Callable[[int], None]) -> None:
        """Compute what the stores do not have yet.

        Raises:
            StageError: LiteRT's answers are not Keras's.
            EdgetlError: the cache's disk is full or cannot be written.
        """
        wanted = [(view, _missing(self.stores(view), view)) for view in views]
        if not any(rows for _, rows in wanted):
            return
        program = self._program(views[0])
        for view, rows in wanted:
            for chunk in self._chunks(rows):
                self._compute(program, view, chunk, advance)

    def opened(self, view: PhotoView, cut: int) -> Features:
        """What stands in the store of one cut for that view."""
        return self.stores(view)[cut].opened(view.sha256s)

    def _key(self, cut: SplitPoint) -> str:
        """Names the numbers that come out: architecture, weights, cut, pixels and what makes and turns those."""
        digest = hashlib.sha256(self._half.to_json().encode())
        for weight in self._half.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        digest.update(Path(augment.__file__).read_bytes())
        digest.update(f"{cut.name}/{self._shape.model_dump_json()}/{segments.hash_pixel_code()}/{_engine()}".encode())
        return digest.hexdigest()

    def _chunks(self, rows: list[int]) -> Iterator[list[int]]:
        row_bytes = 4 * sum(int(np.prod(shape)) for shape in self._shapes)
        size = max(_BATCH, _SEGMENT_BYTES // row_bytes)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _compute(self, program: "_Program", view: PhotoView, rows: list[int], advance: Callable[[int], None]) -> None:
        names = [view.sha256s[row] for row in rows]
        with ExitStack() as stack:
            outputs = [stack.enter_context(store.adding(names)) for store in self.stores(view)]
            program.run(np.array(rows), view.pixels, outputs, advance)

    def _program(self, view: PhotoView) -> "_Program":
        if not _on_litert():
            return _KerasProgram(self._half)
        program = _LiteRtProgram(self._half)
        program.prove(self._half, view.pixels(np.arange(min(_PROOF_PHOTOS, len(view.sha256s)))))
        return program


class _Program(Protocol):
    """Something that computes the frozen half for rows of a view into one array a cut."""

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None: ...


class _KerasProgram:
    """Keras's own backend in large batches: for a GPU. All cores prepare the photos of the batches to come."""

    def __init__(self, half: keras.Model) -> None:
        self._half = half

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        chunks = [
            rows[start : start + keras_model.GPU_BATCH_SIZE]
            for start in range(0, len(rows), keras_model.GPU_BATCH_SIZE)
        ]
        done = 0
        for chunk, photos in zip(chunks, _prepared(chunks, pixels), strict=True):
            for output, answer in zip(outputs, _listed(self._half.predict_on_batch(photos)), strict=True):
                output[done : done + len(chunk)] = np.asarray(answer)[: len(chunk)]
            done += len(chunk)
            advance(len(chunk))


def _prepared(chunks: Sequence[np.ndarray], pixels: PixelRows) -> Iterator[np.ndarray]:
    """The pixels of each chunk, filled up to a whole batch; as many are under way as there are cores, no more."""
    with ThreadPoolExecutor(machine.count_cores()) as pool:
        under_way: deque[Future[np.ndarray]] = deque()
        for chunk in chunks:
            if len(under_way) > machine.count_cores():
                yield under_way.popleft().result()
            under_way.append(pool.submit(pixels, np.resize(chunk, keras_model.GPU_BATCH_SIZE)))
        while under_way:
            yield under_way.popleft().result()


class _LiteRtProgram:
    """A float32 .tflite of the frozen half, one interpreter and one thread a core."""

    def __init__(self, half: keras.Model) -> None:
        side_px = keras_model.read_input_side(half)

        def serve(image: tf.Tensor) -> list[tf.Tensor]:
            return _listed(half(image, training=False))

        signature = tf.TensorSpec((_BATCH, side_px, side_px, 3), tf.uint8, name="image")
        function = tf.function(serve).get_concrete_function(signature)
        self._content = bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
        self._idle = [self._runner() for _ in range(machine.count_cores())]
        self._lock = threading.Lock()

    def prove(self, half: keras.Model, pixels: np.ndarray) -> None:
        """Hold one batch against Keras.

        Raises:
            StageError: the largest difference is more than 1e-4 of the largest value.
        """
        answers = _listed(half.predict_on_batch(pixels))
        outputs = [np.empty(answer.shape, np.float32) for answer in answers]
        self.run(np.arange(len(pixels)), lambda rows: pixels[rows], outputs, lambda _: None)
        for ours, keras_s in zip(outputs, answers, strict=True):
            difference = float(np.abs(ours - keras_s).max() / max(float(np.abs(keras_s).max()), 1e-12))
            if not difference < _TOLERANCE:
                raise StageError(
                    f"LiteRT's features differ from Keras's by {difference:.1e} of their range, over {_TOLERANCE:.0e}",
                    hint="train with --no-feature-cache, and please report the network",
                )

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        def batch(start: int) -> None:
            chunk = rows[start : start + _BATCH]
            # The last batch is filled up with photos of its own, whose answers are not kept.
            answers = self._invoked(pixels(np.resize(chunk, _BATCH)))
            for output, answer in zip(outputs, answers, strict=True):
                output[start : start + len(chunk)] = answer[: len(chunk)]
            advance(len(chunk))

        with ThreadPoolExecutor(machine.count_cores()) as pool:
            for _ in pool.map(batch, range(0, len(rows), _BATCH)):
                pass

    def _invoked(self, photos: np.ndarray) -> list[np.ndarray]:
        with self._lock:
            interpreter = self._idle.pop()
        try:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photos)
            interpreter.invoke()
            # The converter numbers the outputs in their order: Identity, Identity_1.
            ends = sorted(interpreter.get_output_details(), key=lambda end: end["name"])
            return [interpreter.get_tensor(end["index"]) for end in ends]
        finally:
            with self._lock:
                self._idle.append(interpreter)

    def _runner(self) -> Interpreter:
        interpreter = Interpreter(model_content=self._content, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _missing(stores: Sequence[FeatureStore], view: PhotoView) -> list[int]:
    """Rows that any of the stores lacks."""
    return sorted({row for store in stores for row in store.missing(view.sha256s)})


def _listed(answers: Any) -> list[Any]:
    return list(answers) if isinstance(answers, list | tuple) else [answers]


def _on_litert() -> bool:
    """Whether LiteRT computes: on a processor, and from TensorFlow, whose graphs its converter reads."""
    return keras_model.get_backend() == "tensorflow" and keras_model.get_device().startswith("cpu")


def _engine() -> str:
    """What computes: its version is part of the key, because another one may round differently."""
    backend = keras_model.get_backend()
    return (
        f"litert {installed_version('ai-edge-litert')}"
        if _on_litert()
        else f"{backend} {installed_version(backend)} {keras_model.get_device()}"
    )
