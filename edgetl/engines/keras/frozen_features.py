"""Features of a network's frozen layers: computed once for each photo and view, and kept in the feature store.

Frozen layers output the same features in each epoch. On a CPU, LiteRT computes them in float32 on all cores, several
times faster than Keras. On a GPU, or under another backend, Keras computes them in large batches. They are stored
under a key of architecture, weights, split point, pixels and view.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import keras
import numpy as np

from edgetl.core import machine
from edgetl.core.execution.executor import Executor
from edgetl.core.photos import augment, segments
from edgetl.core.records import InputSpec
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.lazy import LazyModule
from edgetl.core.storage.feature_store import Features, FeatureStore, Rows
from edgetl.engines.feature_shards import Augmentation, FeatureTasks, ShardSource
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.split_points import SplitPoint
from edgetl.engines.litert_pool import LiteRtPool

# Loaded on first use: it imports TensorFlow, which a training under another backend does not need.
_litert = LazyModule("edgetl.engines.keras.litert_features")

# A segment of the store is closed at this size, so that an interrupted run loses at most one segment.
_SEGMENT_BYTES = 256 * 1024 * 1024
# Photos in a segment, at least: a batch of LiteRT.
_SMALLEST_CHUNK = 4
# Photos on which LiteRT is compared with Keras.
_CHECKED_PHOTOS = 8

PixelRows = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoView:
    """A view of photos. `pixels(rows)` returns uint8 [rows, height, width, 3]; `key` names the augmentation.

    A view that is augmented has the augmentation, and the pixels without it, for tasks on other machines.
    """

    key: str
    sha256s: list[str]
    pixels: PixelRows
    augmentation: Augmentation | None = None
    plain: PixelRows | None = None

    def make_source(self) -> ShardSource:
        """Return the photos as tasks read them."""
        plain = self.plain if self.augmentation is not None else self.pixels
        assert plain is not None, "an augmented view has its plain pixels"
        return ShardSource(pixels=plain, sha256s=self.sha256s, augmentation=self.augmentation)


class Program(Protocol):
    """An implementation of the frozen layers."""

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        """Compute the features of some rows of a view.

        Args:
            rows: int64 [photos].
            pixels: function from rows to uint8 [rows, height, width, 3].
            outputs: float32 [photos, …] for each split point, written in place.
            advance: called with the number of photos in each finished batch.
        """


class FrozenPart:
    """The frozen layers of a network, up to its split points (lowest first)."""

    def __init__(
        self,
        model: keras.Model,
        splits: Sequence[SplitPoint],
        input_spec: InputSpec,
        warn: Callable[[str], None] = lambda _: None,
        executor: Executor | None = None,
    ) -> None:
        """Prepare the computation of features.

        Args:
            model: the whole network.
            splits: the split points, lowest first.
            input_spec: input of the network.
            warn: called with a sentence if stored features are damaged.
            executor: computes what LiteRT computes; None for the cores of this machine.
        """
        self.splits = splits
        self._executor = executor
        self._warn = warn
        # A fixed name, because it is part of the key. Keras would number an unnamed model.
        self._network = keras.Model(model.input, [split.tensor for split in splits], name="frozen")
        self._input_spec = input_spec
        self._shapes = [tuple(int(length) for length in split.tensor.shape[1:]) for split in splits]
        self._keys = [self._compute_key(split) for split in splits]

    def count_missing_bytes(self, views: Sequence[PhotoView]) -> int:
        """Return the size of the features that `compute_missing` would add to the store."""
        stores = [(view, store) for view in views for store in self._list_stores(view)]
        return sum(len(store.find_missing(view.sha256s)) * store.row_bytes for view, store in stores)

    def compute_missing(self, views: Sequence[PhotoView], advance: Callable[[int], None]) -> None:
        """Compute the features that are not stored yet.

        Raises:
            StageError: LiteRT's features differ from Keras's.
            EdgetlError: the disk is full, or the cache cannot be written.
        """
        missing = [(view, self._list_missing(view)) for view in views]
        # Making a program takes seconds.
        if not any(rows for _, rows in missing):
            return
        program = self._make_program(views[0])
        for view, rows in missing:
            for chunk in self._split_into_chunks(rows):
                self._compute(program, view, chunk, advance)

    def measure_s(self, view: PhotoView, rows: np.ndarray) -> tuple[float, float]:
        """Return the seconds that some photos of a view take, and those before the first photo. Nothing is stored."""
        start = time.perf_counter()
        program = self._make_program(view)
        outputs: list[Any] = [np.empty((len(rows), *shape), np.float32) for shape in self._shapes]
        # The first run allocates memory.
        program.run(rows, view.pixels, outputs, lambda _: None)
        ready = time.perf_counter()
        program.run(rows, view.pixels, outputs, lambda _: None)
        return time.perf_counter() - ready, ready - start

    def open_features(self, view: PhotoView, split: int) -> Features:
        """Open the stored features of a view at one split point."""
        return self._list_stores(view)[split].open_features(view.sha256s)

    def _list_stores(self, view: PhotoView) -> list[FeatureStore]:
        return [
            FeatureStore(hashlib.sha256(f"{key}/{view.key}".encode()).hexdigest()[:32], shape, self._warn)
            for key, shape in zip(self._keys, self._shapes, strict=True)
        ]

    def _list_missing(self, view: PhotoView) -> list[int]:
        """List the rows whose features are missing at one of the split points."""
        return sorted({row for store in self._list_stores(view) for row in store.find_missing(view.sha256s)})

    def _compute_key(self, split: SplitPoint) -> str:
        """Hash everything that the features depend on, except the photo and its view."""
        digest = hashlib.sha256(self._network.to_json().encode())
        for weight in self._network.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        # The code of the augmentation, because changed code gives changed photos.
        digest.update(Path(augment.__file__).read_bytes())
        pixels = f"{self._input_spec.model_dump_json()}/{segments.hash_pixel_code()}"
        digest.update(f"{split.name}/{pixels}/{_name_engine()}".encode())
        return digest.hexdigest()

    def _split_into_chunks(self, rows: list[int]) -> Iterator[list[int]]:
        row_bytes = 4 * sum(int(np.prod(shape)) for shape in self._shapes)
        size = max(_SMALLEST_CHUNK, _SEGMENT_BYTES // row_bytes)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _compute(self, program: Program, view: PhotoView, rows: list[int], advance: Callable[[int], None]) -> None:
        sha256s = [view.sha256s[row] for row in rows]
        with ExitStack() as stack:
            outputs = [stack.enter_context(store.add_rows(sha256s)) for store in self._list_stores(view)]
            if self._executor is not None and runs_on_litert():
                content = cast(LiteRtPool, program).content
                FeatureTasks(self._executor, content).run(np.array(rows), view.make_source(), outputs, advance)
            else:
                program.run(np.array(rows), view.pixels, outputs, advance)

    def _make_program(self, view: PhotoView) -> Program:
        if not runs_on_litert():
            return KerasProgram(self._network)
        pixels = view.pixels(np.arange(min(_CHECKED_PHOTOS, len(view.sha256s))))
        program: Program = _litert.make_checked_program(self._network, pixels)
        return program


class KerasProgram:
    """The frozen layers on Keras's backend, for a GPU: large batches, prepared by all cores of the CPU."""

    def __init__(self, network: keras.Model) -> None:
        self._network = network

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        """Compute the features: see `Program`."""
        size = keras_model.GPU_BATCH_SIZE
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        first = 0
        for chunk, photos in zip(chunks, _prepare_batches(chunks, pixels), strict=True):
            for output, features in zip(outputs, list_outputs(self._network.predict_on_batch(photos)), strict=True):
                output[first : first + len(chunk)] = np.asarray(features)[: len(chunk)]
            first += len(chunk)
            advance(len(chunk))


def list_outputs(outputs: Any) -> list[Any]:
    """Return the outputs of a network as a list. Keras returns a tensor for a single output."""
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def runs_on_litert() -> bool:
    """Return whether LiteRT computes the features: on a CPU, under the TensorFlow backend, whose graphs it converts."""
    return keras_model.get_backend() == "tensorflow" and keras_model.get_device().startswith("cpu")


def _prepare_batches(chunks: Sequence[np.ndarray], pixels: PixelRows) -> Iterator[np.ndarray]:
    """Yield the pixels of each chunk in order. At most one batch per core is prepared ahead, to limit the memory."""
    with ThreadPoolExecutor(machine.count_cores()) as pool:
        pending: deque[Future[np.ndarray]] = deque()
        for chunk in chunks:
            if len(pending) > machine.count_cores():
                yield pending.popleft().result()
            # The last chunk is filled up with repeated photos: a second batch size would compile the network again.
            pending.append(pool.submit(pixels, np.resize(chunk, keras_model.GPU_BATCH_SIZE)))
        while pending:
            yield pending.popleft().result()


def _name_engine() -> str:
    """Name the library that computes, with its version, since another version may round differently."""
    backend = keras_model.get_backend()
    if runs_on_litert():
        return f"litert {installed_version('ai-edge-litert')}"
    return f"{backend} {installed_version(backend)} {keras_model.get_device()}"
