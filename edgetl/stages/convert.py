"""Trained → Artifact: one file of one format by one method, described by what stands in it."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import ladder, pixelstore
from edgetl.core.formats import FormatName
from edgetl.core.methods import Method
from edgetl.core.records import Artifact, Calibrated, Calibration, Photo, Trained
from edgetl.core.runs import sha256_of
from edgetl.engines import calibrated, onnx_census, savedmodel, to_onnx, to_tflite

_READ_BACK = {
    "tflite": (to_tflite.check, to_tflite.census),
    "onnx": (onnx_census.check, onnx_census.census),
}


def convert(trained: Trained, form: FormatName, method: Method, calibration: Sequence[Photo], folder: Path) -> Artifact:
    """Write the model file into `folder` and read it back.

    Args:
        trained: the model.
        form: the file's format; one that the method makes.
        method: what weights and activations become.
        calibration: photos of the training part that set the activation ranges; none for methods that need none.
        folder: where the file goes.

    Raises:
        StageError: the converter failed, or made something other than it was asked for.
    """
    photos = pixelstore.opened([photo.sha256 for photo in calibration], trained.input) if method.calibrated else None
    path = folder / f"model.{form}"
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        if form == "onnx":
            card = to_onnx.Card(classes=trained.classes, input=trained.input)
            savedmodel.export(trained.path, saved_model, to_onnx.kind(method))
            path.write_bytes(to_onnx.convert(saved_model, method, photos, card))
        else:
            savedmodel.export(trained.path, saved_model, to_tflite.kind(method))
            path.write_bytes(to_tflite.convert(saved_model, method, photos))
    ranges = Calibration(
        photos=len(calibration) if method.calibrated else 0,
        sha256=sha256("".join(photo.sha256 for photo in calibration).encode()).hexdigest(),
    )
    return _read_back(path, form, method, trained, ranges)


def quantize(trained: Trained, ranges: Calibrated, method: Method, folder: Path) -> Artifact:
    """Write an int8 model.tflite into `folder` and read it back.

    Args:
        trained: the model.
        ranges: what its activations and layers showed; the worst of the layers go on in float if the method says so.
        method: an int8 method.
        folder: where the file goes.

    Raises:
        StageError: the quantizer failed, or made something other than it was asked for.
    """
    in_float = ladder.weighted(ranges.layers)[: method.float_layers]
    path = folder / "model.tflite"
    path.write_bytes(calibrated.quantized(ranges.path.read_bytes(), [layer.name for layer in in_float]))
    return _read_back(path, "tflite", method, trained, ranges.calibration)


def _read_back(path: Path, form: FormatName, method: Method, trained: Trained, ranges: Calibration) -> Artifact:
    check, census = _READ_BACK[form]
    check(path, method)
    found = census(path)
    return Artifact(
        path=path,
        format=form,
        method=method.name,
        input=found.input,
        output=found.output,
        operators=found.operators,
        tensor_dtypes=found.tensor_dtypes,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        trained_sha256=trained.sha256,
        calibration=ranges,
    )
