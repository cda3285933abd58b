"""Loads, saves and runs Keras 3 models."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from edgetl.core import machine
from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.evaluation import metrics
from edgetl.core.parallel import BatchPlan, predict_in_batches
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Precision
from edgetl.core.storage.keras_archive import rewrite_keras_archive

# Photos in a batch of predictions. A GPU needs large batches. Two cores are fastest with a small batch on
# each: one batch at a time leaves them idle between and within the layers.
BATCH_SIZE, GPU_BATCH_SIZE = 16, 256
# Bounds the memory: at most 64 photos are predicted at the same time.
_MOST_THREADS = 4
# Keras 3 writes .h5 files that it cannot load, as of MobileNetV3: a number that is added to a tensor is lost.
_H5_HINT = (
    "save the same model in the format .keras: model.save('FILE.keras'); if only the .h5 file is left, build the "
    "network again, and call model.load_weights(FILE) before"
)


def reset_keras(seed: int) -> None:
    """Reset Keras's layer names and random generators, so that a run gives the same names and weights again."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


@contextmanager
def use_precision(precision: Precision) -> Iterator[None]:
    """Let layers that are created inside the context compute in this dtype. Their weights are float32 in either case.

    Raises:
        ConfigError: bfloat16 without a GPU.
    """
    if precision == "bfloat16" and get_device().startswith("cpu"):
        raise ConfigError(
            f"--precision bfloat16 is for GPUs, and {get_backend()} computes on {get_device()} here",
            hint="leave out --precision",
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_channels_last() -> None:
    """Check that Keras puts the channels last, as photos, model files and devices do.

    Raises:
        ConfigError: Keras's image_data_format is channels_first.
    """
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ConfigError(
            f"Keras is set to image_data_format {data_format!r}, and edgetl builds networks for channels_last only",
            hint="set it to channels_last in keras.json (~/.keras, or $KERAS_HOME)",
        )


def convert_to_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a model whose layers compute in float32, as the converters need."""

    def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        # The dtype of an InputLayer is that of the photos, uint8.
        if not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = "float32"
        return layer.__class__.from_config(config)

    copy = keras.models.clone_model(model, clone_function=copy_layer)
    copy.set_weights(model.get_weights())
    return copy


def predict_scores(model: keras.Model, photos: Pixels, advance: Callable[[int], None] = lambda _: None) -> np.ndarray:
    """Predict photos in order.

    Args:
        model: its input is uint8 [photos, height, width, 3].
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos in each finished batch.

    Returns:
        float32 [photos, classes]; one sigmoid unit becomes two columns.
    """
    return metrics.expand_sigmoid(predict_outputs(model, photos, advance))


def predict_outputs(model: keras.Model, photos: Pixels, advance: Callable[[int], None] = lambda _: None) -> np.ndarray:
    """Return the output of a model for photos in order, of any width: see `predict_scores`."""
    return predict_rows(model, len(photos), photos.rows, advance)


def predict_rows(
    model: keras.Model,
    count: int,
    read_rows: Callable[[np.ndarray], np.ndarray],
    advance: Callable[[int], None] = lambda _: None,
) -> np.ndarray:
    """Predict inputs in order.

    Args:
        model: any model with one input and one output.
        count: number of inputs.
        read_rows: returns the inputs at positions int64 [rows]: [rows, …]. Is called from several threads.
        advance: called with the number of inputs in each finished batch, from several threads.

    Returns:
        [count, …].
    """
    on_cpu = get_device().startswith("cpu")
    # TensorFlow's compiled functions may be called by several threads. The other backends keep state in the model.
    threads = min(machine.count_cores(), _MOST_THREADS) if on_cpu and get_backend() == "tensorflow" else 1
    batches = BatchPlan(count=count, size=BATCH_SIZE if on_cpu else GPU_BATCH_SIZE, threads=threads)
    return predict_in_batches(batches, lambda rows: model.predict_on_batch(read_rows(rows)), advance)


def load_model(path: Path) -> keras.Model:
    """Load a .keras file, uncompiled, in safe mode: no code in the file is run.

    Raises:
        ConfigError: not a Keras model, or one that needs code to load.
    """
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    # A damaged file raises any of these in Keras, h5py or zipfile.
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        if "lambda" in str(error).lower():
            raise ConfigError(
                "the model contains a Lambda layer: Python code, which edgetl does not run from a file",
                where=(path,),
                hint="replace it with another layer of Keras, such as Rescaling, and save the model again",
            ) from error
        hint = "" if path.suffix == ".keras" else _H5_HINT
        raise ConfigError(
            f"not a Keras model that can be loaded safely: {first_line(error)}", where=(path,), hint=hint
        ) from error


@lru_cache(maxsize=1)
def load_for_prediction(path: Path, sha256: str) -> keras.Model:  # noqa: ARG001
    """Load a .keras file as `load_model` does. The last one stays in memory, so that several stages compile it once.

    Args:
        path: the file.
        sha256: of its content: another one is loaded again.
    """
    return load_model(path)


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as .keras. The bytes depend on the model only.

    Raises:
        StageError: the file could not be written.
    """
    try:
        # The name makes it an unfinished folder, which the next build removes if this one is killed.
        with TemporaryDirectory(prefix=".", suffix=".tmp", dir=path.parent) as folder:
            saved = Path(folder) / "model.keras"
            model.save(saved)
            rewrite_keras_archive(saved, path)
    except (OSError, ValueError) as error:
        raise StageError(f"the model could not be saved: {first_line(error)}", where=(path,)) from error


def read_input_size(model: keras.Model) -> tuple[int, int]:
    """Return height and width of a model's input in pixels.

    Raises:
        ConfigError: the input is not one RGB photo of a fixed size.
    """
    shape = tuple(model.inputs[0].shape)
    if len(model.inputs) != 1 or len(shape) != 4 or None in shape[1:] or shape[3] != 3:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ConfigError(f"the model's input must be one RGB photo of a fixed size, not {shapes}")
    return int(shape[1]), int(shape[2])


def get_backend() -> str:
    """Return the name of the backend, as in "tensorflow"."""
    return str(keras.backend.backend())


def get_device() -> str:
    """Return the device on which the backend computes, as in "gpu:0" or "cpu:0"."""
    if get_backend() == "torch":
        # Keras lists no devices for torch, so the device of a new tensor is read.
        name = str(keras.ops.zeros(()).device)
        return "cpu:0" if name == "cpu" else name.replace("cuda", "gpu")
    devices = [str(name) for name in keras.distribution.list_devices()]
    return next((name for name in devices if not name.startswith("cpu")), "cpu:0")
