"""Tasks of the child process: what a task contains, and the function that runs it.

All data that is larger than a few numbers is in files: models, calibrated models, and photos, which are in the cache.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from edgetl.core import methods
from edgetl.core.formats import FormatName
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelMetadata
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.record import Record
from edgetl.core.records import InputSpec
from edgetl.engines.backends import BACKENDS, Backend

Action = Literal[
    "prepare",
    "convert",
    "calibrate",
    "quantize",
    "round_weights",
    "convert_qat",
    "measure_layer_errors",
    "list_operators",
    "check",
]


class ConversionTask(Record):
    """A call of a `Backend`.

    Attributes:
        action: the method of `Backend`.
        format: the format.
        source: the file or folder that is read.
        output: the file that is written; for "prepare" the folder.
        method: name of the conversion method; "" where there is none.
        input: input of the model; None for tasks without photos and metadata.
        photos: sha256 of photos in the cache.
        classes: names of the classes, for the metadata of the file.
        float_layers: names of layers that stay in float; for "check" those that have no integer kernel.
    """

    action: Action
    format: FormatName
    source: Path
    output: Path
    input: InputSpec | None = None
    method: str = ""
    photos: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    float_layers: tuple[str, ...] = ()

    def find_method(self) -> Method:
        """Find the conversion method."""
        return methods.find_method(self.method)

    def open_photos(self) -> Pixels:
        """Open the photos in the cache."""
        assert self.input is not None
        return pixel_store.open_pixels(self.photos, self.input)

    def make_metadata(self) -> ModelMetadata:
        """Make the metadata of the file."""
        assert self.input is not None
        return ModelMetadata(classes=self.classes, input=self.input)


def run_task(task: ConversionTask, advance: Callable[[int], None]) -> Any:
    """Run a task in this process.

    Args:
        task: the task.
        advance: called with the number of photos since the last call; for "round_weights" with that of layers.

    Returns:
        JSON values: for "prepare" the path of the file, for "measure_layer_errors" and "list_operators" the fields of
        each record, for "round_weights" names of layers, for all others None.

    Raises:
        EdgetlError: see the method of `Backend`.
    """
    return _ACTIONS[task.action](BACKENDS[task.format], task, advance)


def _prepare(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> str:
    return str(backend.prepare(task.source, task.output))


def _convert(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> None:
    photos = task.open_photos() if task.photos else None
    task.output.write_bytes(backend.convert(task.source, task.find_method(), photos, task.make_metadata()))


def _calibrate(backend: Backend, task: ConversionTask, advance: Callable[[int], None]) -> None:
    task.output.write_bytes(backend.calibrate(task.source, task.open_photos(), advance))


def _quantize(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> None:
    calibrated = task.source.read_bytes()
    task.output.write_bytes(backend.quantize(calibrated, task.find_method(), task.float_layers, task.make_metadata()))


def _round_weights(backend: Backend, task: ConversionTask, advance: Callable[[int], None]) -> list[str]:
    calibrated, photos = task.source.read_bytes(), task.open_photos()
    content, unchanged = backend.round_weights(calibrated, photos, task.make_metadata(), advance)
    task.output.write_bytes(content)
    return list(unchanged)


def _convert_qat(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> None:
    task.output.write_bytes(backend.convert_qat(task.source, task.open_photos(), task.make_metadata()))


def _measure_layer_errors(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> list[dict[str, Any]]:
    errors = backend.measure_layer_errors(task.source.read_bytes(), task.open_photos())
    return [error.model_dump() for error in errors]


def _list_operators(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> list[dict[str, Any]]:
    return [operator.model_dump() for operator in backend.list_operators(task.source.read_bytes())]


def _check(backend: Backend, task: ConversionTask, _: Callable[[int], None]) -> None:
    backend.check(task.source, task.find_method(), task.float_layers)


_ACTIONS: dict[Action, Callable[[Backend, ConversionTask, Callable[[int], None]], Any]] = {
    "prepare": _prepare,
    "convert": _convert,
    "calibrate": _calibrate,
    "quantize": _quantize,
    "round_weights": _round_weights,
    "convert_qat": _convert_qat,
    "measure_layer_errors": _measure_layer_errors,
    "list_operators": _list_operators,
    "check": _check,
}
