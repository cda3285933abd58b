"""Trained → Artifact: one TFLite file by one method, described by what stands in it."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgetl.core import metrics, pixelstore, slimness
from edgetl.core.errors import StageError
from edgetl.core.methods import Method
from edgetl.core.records import Artifact, Calibration, Photo, Trained
from edgetl.core.retraining import AGREEMENT, Retrained
from edgetl.core.runs import sha256_of
from edgetl.engines import keras3, litert, savedmodel, to_tflite


def convert(
    trained: Trained, method: Method, calibration: Sequence[Photo], folder: Path, retrained: Retrained | None = None
) -> Artifact:
    """Write model.tflite into `folder` and read it back.

    Args:
        trained: the model.
        method: what weights and activations become.
        calibration: photos of the training part that set the activation ranges; none for methods that need none.
        folder: where the file goes.
        retrained: what is converted in the model's place, for methods that train once more.

    Raises:
        StageError: the converter failed, or made something other than it was asked for; or a quantization-aware model
            and its file do not agree.
    """
    photos = pixelstore.opened([photo.sha256 for photo in calibration], trained.input) if method.calibrated else None
    path = folder / "model.tflite"
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        if retrained is not None and retrained.kind == "qat":
            saved_model = retrained.model
        else:
            savedmodel.export(retrained.model if retrained else trained.path, saved_model, to_tflite.kind(method))
        path.write_bytes(to_tflite.convert(saved_model, method, photos))
    to_tflite.check(path, method)
    if retrained is not None and retrained.kind == "qat":
        _check_agreement(path, retrained, trained)
    found, slim = to_tflite.census(path), slimness.slimness(to_tflite.kernels(path))
    return Artifact(
        path=path,
        format="tflite",
        method=method.name,
        input=found.input,
        output=found.output,
        operators=found.operators,
        tensor_dtypes=found.tensor_dtypes,
        bytes=path.stat().st_size,
        gzip_bytes=slimness.gzip_bytes(path.read_bytes()),
        sparsity=slim.sparsity,
        distinct_weights=slim.distinct,
        sha256=sha256_of(path),
        trained_sha256=trained.sha256,
        calibration=Calibration(
            photos=len(calibration) if method.calibrated else 0,
            sha256=sha256("".join(photo.sha256 for photo in calibration).encode()).hexdigest(),
        ),
    )


def _check_agreement(path: Path, retrained: Retrained, trained: Trained) -> None:
    """Refuse a file that answers otherwise than the model that learned with its rounding."""
    photos = pixelstore.opened(retrained.proof, trained.input)
    answered = keras3.two_columns(litert.predict(path, photos, "xnnpack", lambda _: None).scores)
    promised = keras3.two_columns(np.load(retrained.answers, allow_pickle=False))
    agreement = metrics.agreement(promised, answered)
    if agreement < AGREEMENT:
        raise StageError(
            f"the quantization-aware model and its TFLite file agree on {agreement:.1%} of {len(promised)} photos, "
            f"{AGREEMENT:.0%} are needed: what was learned is not what the device would compute",
            where=(path,),
            hint="train with the rounding for longer (--qat-epochs), or choose --method int8",
        )
