"""Trained model → Artifact: one file of one format by one method, described by what was read back from it."""

from hashlib import sha256
from pathlib import Path

from edgetl.core import formats
from edgetl.core.errors import StageError
from edgetl.core.evaluation import agreement, ladder, metrics, sparsity
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import METHODS, Method
from edgetl.core.network.float_layers import describe_float_layers
from edgetl.core.photos import calibration_audit, pixel_store
from edgetl.core.records import ActivationRanges, Artifact, CalibrationSet, Refusal, Trained
from edgetl.core.requests import ConversionRequest, RoundingRequest
from edgetl.core.retrain_job import REQUIRED_AGREEMENT, RetrainedModel
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.files import hash_file
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular
from edgetl.core.tasks.task import make_task
from edgetl.engines.backends import BACKENDS
from edgetl.engines.conversion.conversions import run_conversion
from edgetl.engines.conversion.tasks import Action, ConversionTask

# Seconds that the reference kernels may run to find the cause of a disagreement.
_DIAGNOSIS_S = 30.0
_TRAIN_LONGER = "train with the rounding for longer (--qat-epochs), or choose --method int8"
_CAUSES: dict[agreement.Cause, tuple[str, str]] = {
    "file": ("the device would not compute what was learned", _TRAIN_LONGER),
    "network": (
        "the network is sensitive to rounding",
        "train it for longer or at a lower rate (--epochs, --fine-tune-epochs, --learning-rate), or choose --method "
        "int8, which need not agree with a model of its own",
    ),
    "unknown": ("too few photos to say whether the file or the network is the cause", _TRAIN_LONGER),
}
_USABLE = Refusal(message="", hint="")


def convert_model(work: Workspace, request: ConversionRequest) -> Artifact:
    """Write the model file and read it back.

    Raises:
        DataError: photos that cannot set ranges.
        StageError: the converter failed, or the file does not have the properties of its method.
    """
    trained, photos = request.trained, request.photos.photos
    if photos:
        calibration_audit.audit_calibration(photos, request.dataset, trained.input)
    path = work.folder / f"model.{request.format_name}"
    sha256s = tuple(photo.sha256 for photo in photos)
    task = _make_task("convert", path, request.method, trained)
    run_conversion(task.model_copy(update={"source": request.source.path, "photos": sha256s}), trained.path)
    calibration = CalibrationSet(
        photos=len(photos), sha256=sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
    )
    return _read_back(path, request.method, trained, calibration)


def quantize_with_ranges(
    work: Workspace, format_name: FormatName, trained: Trained, ranges: ActivationRanges, method: Method
) -> Artifact:
    """Write an int8 file from shared ranges and read it back.

    Args:
        work: folder and console.
        format_name: format of the file.
        trained: the model.
        ranges: of this model for this format; for mixed methods, the layers with the largest errors stay in float.
        method: an int8 method.

    Raises:
        StageError: the quantizer failed, or the file does not have the properties of its method.
    """
    _require_int8_kernels(ranges, method)
    kept = tuple(name for layer in ranges.in_float for name in layer.kept)
    candidates = [layer.name for layer in ladder.select_weighted_layers(ranges.layers) if layer.name not in kept]
    in_float = (*kept, *candidates[: method.float_layers])
    path = work.folder / f"model.{format_name}"
    task = _make_task("quantize", path, method, trained)
    run_conversion(task.model_copy(update={"source": ranges.path, "float_layers": in_float}), trained.path)
    return _read_back(path, method, trained, ranges.calibration, kept)


def round_with_photos(work: Workspace, request: RoundingRequest) -> Artifact:
    """Write an int8 file whose weights are rounded up or down as photos require, and read it back.

    Raises:
        DataError: the decoded photos are not in the cache any more.
        StageError: the quantizer failed, or the file does not have the properties of its method.
    """
    trained, ranges, method = request.trained, request.ranges, request.method
    _require_int8_kernels(ranges, method)
    path = work.folder / f"model.{request.format_name}"
    task = _make_task("round_weights", path, method, trained).model_copy(
        update={"source": ranges.path, "photos": tuple(photo.sha256 for photo in request.photos.photos)}
    )
    with work.console.bar("rounding", len(ladder.select_weighted_layers(ranges.layers)), "layers") as bar:
        unchanged = run_conversion(task, trained.path, bar.advance)
    if unchanged:
        work.console.say(f"  {len(unchanged)} layers are rounded to the nearest: {', '.join(unchanged)}")
    return _read_back(path, method, trained, ranges.calibration)


def _require_int8_kernels(ranges: ActivationRanges, method: Method) -> None:
    if ranges.in_float and not method.mixed:
        raise StageError(
            describe_float_layers(ranges.in_float, method.activations),
            hint="--method mixed8 has every other layer in int8",
        )


def write_features(work: Workspace, artifact: Artifact) -> Artifact:
    """Write a finished file with its pooled features as a second output. Its scores stay the same bit for bit.

    A network that does not end in dense layers has no pooled features. Its file stays as it is, and `features` is 0.
    """
    backend, path = BACKENDS[artifact.format], work.folder / artifact.path.name
    content = read_regular(artifact.path, LARGEST_MODEL_BYTES)
    try:
        features, content = backend.add_features(content)
    except StageError as error:
        work.console.say(f"  {error.message}: it cannot say that a photo shows none of the classes")
        features = 0
    path.write_bytes(content)
    return artifact.model_copy(
        update={
            "path": path,
            "features": features,
            "bytes": len(content),
            "gzip_bytes": sparsity.measure_gzip_bytes(content),
            "sha256": hash_file(path),
        }
    )


def convert_qat_model(
    work: Workspace, format_name: FormatName, trained: Trained, retrained: RetrainedModel
) -> Artifact:
    """Write the file of a quantization-aware model, read it back, and compare the predictions of both.

    Args:
        work: folder and console.
        format_name: format of the file.
        trained: the model before quantization-aware training.
        retrained: the quantization-aware model.

    Returns:
        The artifact, with a refusal if both agree on too few photos.

    Raises:
        StageError: the converter failed, or the file does not have the properties of its method.
    """
    path, method = work.folder / f"model.{format_name}", METHODS["qat8"]
    # The TFLite converter demands one photo. It sets no range: the model contains all of them.
    task = _make_task("convert_qat", path, method, trained)
    photo = retrained.agreement_sha256s[:1]
    run_conversion(task.model_copy(update={"source": retrained.model, "photos": photo}), trained.path)
    artifact = _read_back(path, method, trained, CalibrationSet(photos=0, sha256=sha256().hexdigest()))
    # Converters may round differently from the fake quantization that the model was trained with.
    share, refusal = _compare_with_model(artifact, retrained, trained)
    work.console.say(
        f"  the quantization-aware model and its file agree on {share:.1%} of "
        f"{_name_decisions(trained, len(retrained.agreement_sha256s))}"
    )
    return artifact.model_copy(update={"agreement": share, "refusal": refusal})


def _make_task(action: Action, path: Path, method: Method, trained: Trained) -> ConversionTask:
    """Make a task that writes or reads the file of a method."""
    return ConversionTask(
        action=action,
        format=formats.find_format(path).name,
        source=path,
        output=path,
        input=trained.input,
        method=method.name,
        classes=trained.classes,
    )


def _read_back(
    path: Path, method: Method, trained: Trained, calibration: CalibrationSet, kept: tuple[str, ...] = ()
) -> Artifact:
    format_name = formats.find_format(path).name
    backend = BACKENDS[format_name]
    # A converter may skip a quantization without an error. Only the file itself shows it.
    check = _make_task("check", path, method, trained)
    run_conversion(check.model_copy(update={"float_layers": kept}), trained.path)
    summary, weights = backend.summarize(path), sparsity.measure_weights(backend.read_weights(path))
    return Artifact(
        path=path,
        format=format_name,
        method=method.name,
        input=summary.input,
        output=summary.output,
        operators=summary.operators,
        tensor_dtypes=summary.tensor_dtypes,
        bytes=path.stat().st_size,
        gzip_bytes=sparsity.measure_gzip_bytes(read_regular(path, LARGEST_MODEL_BYTES)),
        sparsity=weights.sparsity,
        distinct_weights=weights.distinct,
        sha256=hash_file(path),
        trained_sha256=trained.sha256,
        agreement=1.0,
        refusal=_USABLE,
        calibration=calibration,
    )


def _compare_with_model(artifact: Artifact, retrained: RetrainedModel, trained: Trained) -> tuple[float, Refusal]:
    """Compute the fraction of photos for which file and quantization-aware model predict the same class.

    If it is too small, the refusal contains the cause: the file, or the network.
    """
    path, row, scale = artifact.path, FORMATS[artifact.format], artifact.output.scale
    backend = BACKENDS[artifact.format]
    expected = metrics.expand_sigmoid(read_array(retrained.predictions))
    photos = pixel_store.open_pixels(retrained.agreement_sha256s, trained.input)
    predictions = backend.predict(path, photos, row.fast_kernels, lambda _: None)
    scores = metrics.expand_sigmoid(predictions.scores)
    task = make_task(trained.threshold_values)
    matches_model = agreement.match_predictions(expected, scores, scale, task)
    share = float(matches_model.mean())
    if share >= REQUIRED_AGREEMENT:
        return share, _USABLE
    # Two kernel sets run the same file. Where they disagree as well, the network is sensitive to rounding.
    affordable = row.count_affordable_photos(_DIAGNOSIS_S, predictions.latency.ms, accelerated=predictions.accelerated)
    rows = metrics.sample_evenly(len(expected), affordable)
    sample = pixel_store.open_pixels([retrained.agreement_sha256s[index] for index in rows], trained.input)
    reference = metrics.expand_sigmoid(backend.predict(path, sample, "reference", lambda _: None).scores)
    matches_itself = agreement.match_predictions(scores[rows], reference, scale, task)
    kernels = row.fast_title if predictions.accelerated else row.runtime
    cause, hint = _CAUSES[agreement.diagnose_disagreement(matches_model[rows], matches_itself)]
    return share, Refusal(
        message=f"the quantization-aware model and its {row.title} file agree on {share:.1%} of "
        f"{_name_decisions(trained, len(expected))}, {REQUIRED_AGREEMENT:.0%} are needed; on {kernels} and "
        f"{row.reference_title} the file itself agrees on {matches_itself.mean():.1%} of {len(rows)}: {cause}",
        hint=hint,
    )


def _name_decisions(trained: Trained, photos: int) -> str:
    return f"the decisions about labels of {photos} photos" if trained.thresholds else f"{photos} photos"
