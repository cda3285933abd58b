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
from edgetl.core.retraining import AGREEMENT, PROOF_PHOTOS, Retrained
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
        agreement=_agreement(path, retrained, trained) if retrained is not None and retrained.kind == "qat" else 1.0,
        calibration=Calibration(
            photos=len(calibration) if method.calibrated else 0,
            sha256=sha256("".join(photo.sha256 for photo in calibration).encode()).hexdigest(),
        ),
    )


def _agreement(path: Path, retrained: Retrained, trained: Trained) -> float:
    """On which part of the photos the file names the class that the quantization-aware model names.

    Where a network turns on the last bit, two correct kernels of one file do not agree either; so much is forgiven.

    Raises:
        StageError: they agree on too few.
    """
    promised = keras3.two_columns(np.load(retrained.answers, allow_pickle=False))

    def answered(count: int, kernels: litert.Kernels) -> np.ndarray:
        photos = pixelstore.opened(retrained.proof[:count], trained.input)
        return keras3.two_columns(litert.predict(path, photos, kernels, lambda _: None).scores)

    fast = answered(len(promised), "xnnpack")
    agreement = metrics.agreement(promised, fast)
    if agreement >= AGREEMENT:
        return agreement
    # The plain loops take fifty times as long: not over thousands of photos.
    plain = answered(PROOF_PHOTOS, "reference")
    own = metrics.agreement(fast[: len(plain)], plain)
    if agreement >= AGREEMENT - (1 - own):
        return agreement
    raise StageError(
        f"the quantization-aware model and its TFLite file agree on {agreement:.1%} of {len(promised)} photos, "
        f"{AGREEMENT:.0%} are needed (the file's own kernels agree on {own:.1%} with each other): "
        "what was learned is not what the device would compute",
        where=(path,),
        hint="train with the rounding for longer (--qat-epochs), or choose --method int8",
    )
