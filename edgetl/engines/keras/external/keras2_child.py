"""Models that Keras 2 saved: which files they are, and what the child process with Keras 2 reads and predicts.

Keras 3 loads many of these files, and gives some of their layers another meaning. So Keras 2 loads them, Keras 3 builds
the same network, and both must predict the same.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.storage.files import parse_json
from edgetl.engines.keras.external.inspection import Limits, check_report, read_report, run_limited
from edgetl.engines.keras.from_keras2.rebuild import rebuild_model
from edgetl.engines.keras2_graph import load_graph

_MODULE = "edgetl.engines.keras2"
PROBE, PHOTOS, OUTPUTS, GREY = "probe.npz", "photos.npy", "outputs.npy", "grey.npy"
# Photos that people classify with a model once it has been loaded within the default limits.
_PREDICTION_LIMITS = Limits(processor_s=6 * 3600, wall_s=12 * 3600)
_KERAS_1_HINT = "load it with Keras 2.0 to 2.3, and save it again with model.save"


@dataclass(frozen=True, slots=True)
class Keras2Predictions:
    """What Keras 2 predicts.

    Attributes:
        outputs: float32 [photos, units].
        compute_dtypes: dtypes that layers compute in, such as "float32" and "float16".
        grey_photos: float32 [photos, height, width, 1], the versions that were predicted if the input is grey.
    """

    outputs: np.ndarray
    compute_dtypes: tuple[str, ...]
    grey_photos: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class CarriedModel:
    """A model of Keras 2, built in Keras 3, and what Keras 2 predicts for a few random photos.

    Attributes:
        model: a functional model of Keras 3.
        photos: of the shape and dtype of the input; none if it has no fixed shape.
        predictions: of Keras 2 for `photos`.
    """

    model: keras.Model
    photos: np.ndarray
    predictions: Keras2Predictions


def is_keras2(path: Path) -> bool:
    """Return whether Keras 2 saved a model file.

    Raises:
        ConfigError: Keras 1 saved it.
    """
    version = read_keras_version(path)
    if version.startswith(("0.", "1.")):
        raise ConfigError(f"the file was saved by Keras {version}", where=(path,), hint=_KERAS_1_HINT)
    return version.startswith("2.")


def read_keras_version(path: Path) -> str:
    """Return the version of Keras that saved a model file, such as "2.15.0".

    A .h5 file without a version is of Keras 2: Keras 3 writes its version into every file.
    """
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            # A file without metadata is left to Keras 3, which explains what is missing.
            names = archive.namelist()
            metadata = parse_json(archive.read("metadata.json")) if "metadata.json" in names else {}
        return str(metadata.get("keras_version", ""))
    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version")
        if version is None and "model_weights" in file:
            version = file["model_weights"].attrs.get("keras_version")
    text = version.decode() if isinstance(version, bytes) else version
    return "2." if text is None else str(text)


def carry_over(path: Path) -> CarriedModel:
    """Load a file of Keras 2 in the child process, and build the same network in Keras 3.

    Raises:
        ConfigError: a layer that cannot be carried over, named; a limit of the child process.
        Interrupted: ^C or SIGTERM was received, and the child was killed.
    """
    with TemporaryDirectory(prefix="edgetl-keras2-") as work:
        folder = Path(work)
        report = _run_child(path, folder, Limits())
        graph = load_graph(folder)
        with np.load(folder / PROBE, allow_pickle=False) as probe:
            photos, outputs = probe["photos"], probe["outputs"]
    try:
        model = rebuild_model(graph)
    except ConfigError as error:
        error.where = error.where or (str(path),)
        raise
    return CarriedModel(model, photos, Keras2Predictions(outputs, tuple(report["compute_dtypes"])))


def predict_keras2(path: Path, photos: np.ndarray) -> Keras2Predictions:
    """Predict photos with Keras 2 in the child process.

    Args:
        path: a file of Keras 2.
        photos: RGB [photos, height, width, 3], scaled as the model needs them. The child gives them the axes, channels
            and dtype of its input.

    Raises:
        ConfigError: Keras 2 cannot run the model.
        Interrupted: ^C or SIGTERM was received, and the child was killed.
    """
    with TemporaryDirectory(prefix="edgetl-keras2-") as work:
        folder = Path(work)
        np.save(folder / PHOTOS, photos, allow_pickle=False)
        report = _run_child(path, folder, _PREDICTION_LIMITS)
        outputs = np.load(folder / OUTPUTS, allow_pickle=False)
        grey = np.load(folder / GREY, allow_pickle=False) if (folder / GREY).is_file() else None
    return Keras2Predictions(outputs, tuple(report["compute_dtypes"]), grey)


def _run_child(path: Path, folder: Path, limits: Limits) -> dict[str, Any]:
    exit_code = run_limited(_MODULE, path, folder, limits)
    report = read_report(folder)
    check_report(report, exit_code, path, limits)
    return report
