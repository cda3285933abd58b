"""Trained → Artifact: one file of one format by one method, described by what stands in it."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgetl.core import formats
from edgetl.core.evaluation import agreement as fidelity
from edgetl.core.evaluation import ladder, metrics, sparsity
from edgetl.core.formats import FormatName
from edgetl.core.methods import METHODS, Method
from edgetl.core.photos import pixel_store
from edgetl.core.records import ActivationRanges, Artifact, CalibrationSet, Photo, Refusal, SourceModel, Trained
from edgetl.core.retrain_job import REQUIRED_AGREEMENT, RetrainedModel
from edgetl.core.runs import hash_file
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model as savedmodel
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import qat as onnx_qat
from edgetl.engines.tflite import calibrate as tflite_calibrate
from edgetl.engines.tflite import convert as tflite_convert

# Why a file does not answer as it should is asked of plain kernels for so long.
_DOUBT_S = 30.0
_LONGER = "train with the rounding for longer (--qat-epochs), or choose --method int8"
_CAUSES: dict[fidelity.Cause, tuple[str, str]] = {
    "file": ("what was learned is not what the device would compute", _LONGER),
    "network": (
        "single roundings change what this network answers",
        "train it for longer or at a lower rate (--epochs, --fine-tune-epochs, --learning-rate), or choose --method "
        "int8, which has no model of its own to keep to",
    ),
    "unknown": ("too few to say whether the file or the network is at fault", _LONGER),
}
_ACCEPTED = Refusal(message="", hint="")
_READ_BACK = {
    "tflite": (tflite_convert.check_file, tflite_convert.summarize_file, tflite_convert.read_weights),
    "onnx": (onnx_inspect.check_file, onnx_inspect.summarize_file, onnx_inspect.read_weights),
}


def convert(trained: Trained, method: Method, calibration: Sequence[Photo], folder: Path) -> Artifact:
    """Write a .tflite file into `folder` and read it back.

    Args:
        trained: the model.
        method: what weights and activations become.
        calibration: photos of the training part that set the activation ranges; none for methods that need none.
        folder: where the file goes.

    Raises:
        StageError: the converter failed, or made something other than it was asked for.
    """
    path = folder / "model.tflite"
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        savedmodel.export_saved_model(trained.path, saved_model, tflite_convert.choose_input_kind(method))
        path.write_bytes(tflite_convert.convert_saved_model(saved_model, method, _pixels(trained, method, calibration)))
    return _read_back(path, method, trained, _ranges(method, calibration))


def convert_graph(
    trained: Trained, graph: SourceModel, method: Method, calibration: Sequence[Photo], folder: Path
) -> Artifact:
    """Write an .onnx file into `folder` and read it back.

    Args:
        trained: the model.
        graph: what it was translated to.
        method: what weights and activations become.
        calibration: photos of the training part that set the activation ranges; none for methods that need none.
        folder: where the file goes.

    Raises:
        StageError: the converter failed, or made something other than it was asked for.
    """
    path, floats = folder / "model.onnx", graph.path.read_bytes()
    pixels = _pixels(trained, method, calibration)
    if pixels is None:
        path.write_bytes(onnx_convert.convert_graph(floats, method, _card(trained)))
    else:
        ranged = onnx_calibrate.calibrate_model(floats, pixels, lambda _: None)
        path.write_bytes(onnx_calibrate.quantize_model(ranged, method, (), _card(trained)))
    return _read_back(path, method, trained, _ranges(method, calibration))


def quantize(trained: Trained, ranges: ActivationRanges, method: Method, folder: Path) -> Artifact:
    """Write an int8 file into `folder` and read it back.

    Args:
        trained: the model.
        ranges: what its activations and layers showed, for the format that the file is to have; the worst of the
            layers go on in float if the method says so.
        method: an int8 method.
        folder: where the file goes.

    Raises:
        StageError: the quantizer failed, or made something other than it was asked for.
    """
    in_float = [layer.name for layer in ladder.select_weighted_layers(ranges.layers)[: method.float_layers]]
    path = folder / f"model{ranges.path.suffix}"
    model = ranges.path.read_bytes()
    if formats.find_format(path).name == "onnx":
        path.write_bytes(onnx_calibrate.quantize_model(model, method, in_float, _card(trained)))
    else:
        path.write_bytes(tflite_calibrate.quantize_model(model, in_float))
    return _read_back(path, method, trained, ranges.calibration)


def convert_aware(trained: Trained, retrained: RetrainedModel, form: FormatName, folder: Path) -> Artifact:
    """Write the file of a quantization-aware model into `folder`, read it back and compare what both answer.

    Args:
        trained: the model that it came from.
        retrained: learned with the rounding; it holds its own ranges.
        form: the file's format.
        folder: where the file goes.

    Raises:
        StageError: the converter failed, or made something other than it was asked for.

    Returns:
        The file, refused where the two agree on too few photos.
    """
    path, method = folder / f"model.{form}", METHODS["qat8"]
    if form == "onnx":
        path.write_bytes(onnx_qat.convert_qat(retrained.model, _card(trained)))
    else:
        # The converter insists on a photo; every range stands in the model already, so whichever it is sets nothing.
        any_photo = pixel_store.open_pixels(retrained.proof[:1], trained.input)
        path.write_bytes(tflite_convert.convert_saved_model(retrained.model, method, any_photo))
    artifact = _read_back(path, method, trained, CalibrationSet(photos=0, sha256=sha256().hexdigest()))
    agreement, refused = _agreement(artifact, retrained, trained)
    return artifact.model_copy(update={"agreement": agreement, "refusal": refused})


def _pixels(trained: Trained, method: Method, calibration: Sequence[Photo]) -> pixel_store.Pixels | None:
    photos = [photo.sha256 for photo in calibration]
    return pixel_store.open_pixels(photos, trained.input) if method.calibrated else None


def _ranges(method: Method, calibration: Sequence[Photo]) -> CalibrationSet:
    return CalibrationSet(
        photos=len(calibration) if method.calibrated else 0,
        sha256=sha256("".join(photo.sha256 for photo in calibration).encode()).hexdigest(),
    )


def _card(trained: Trained) -> onnx_convert.ModelMetadata:
    return onnx_convert.ModelMetadata(classes=trained.classes, input=trained.input)


def _read_back(path: Path, method: Method, trained: Trained, ranges: CalibrationSet) -> Artifact:
    form = formats.find_format(path).name
    check, census, kernels = _READ_BACK[form]
    check(path, method)
    found, slim = census(path), sparsity.measure_weights(kernels(path))
    return Artifact(
        path=path,
        format=form,
        method=method.name,
        input=found.input,
        output=found.output,
        operators=found.operators,
        tensor_dtypes=found.tensor_dtypes,
        bytes=path.stat().st_size,
        gzip_bytes=sparsity.measure_gzip_bytes(path.read_bytes()),
        sparsity=slim.sparsity,
        distinct_weights=slim.distinct,
        sha256=hash_file(path),
        trained_sha256=trained.sha256,
        agreement=1.0,
        refusal=_ACCEPTED,
        calibration=ranges,
    )


def _agreement(artifact: Artifact, retrained: RetrainedModel, trained: Trained) -> tuple[float, Refusal]:
    """On which part of the photos the file names the class that the quantization-aware model names.

    Where that is too few, it says whether the file or the network is at fault.
    """
    path, form, step = artifact.path, formats.find_format(artifact.path), artifact.output.scale
    promised = keras_model.expand_sigmoid(np.load(retrained.answers, allow_pickle=False))
    ran = backends.predict_with(
        path, pixel_store.open_pixels(retrained.proof, trained.input), form.fast_kernels, lambda _: None
    )
    answered = keras_model.expand_sigmoid(ran.scores)
    as_promised = fidelity.match_predictions(promised, answered, step)
    agreement = float(as_promised.mean())
    if agreement >= REQUIRED_AGREEMENT:
        return agreement, _ACCEPTED
    few = form.count_affordable_photos(_DOUBT_S, ran.invoke_ms, accelerated=ran.accelerated)
    rows = metrics.sample_evenly(len(promised), few)
    photos = pixel_store.open_pixels([retrained.proof[row] for row in rows], trained.input)
    plain = keras_model.expand_sigmoid(backends.predict_with(path, photos, "reference", lambda _: None).scores)
    as_itself = fidelity.match_predictions(answered[rows], plain, step)
    fast = form.fast_title if ran.accelerated else form.runtime
    said, hint = _CAUSES[fidelity.diagnose_disagreement(as_promised[rows], as_itself)]
    return agreement, Refusal(
        message=f"the quantization-aware model and its {form.title} file agree on {agreement:.1%} of {len(promised)} "
        f"photos, {REQUIRED_AGREEMENT:.0%} are needed; between {fast} and {form.reference_title} the file itself agrees on "
        f"{as_itself.mean():.1%} of {len(rows)}: {said}",
        hint=hint,
    )
