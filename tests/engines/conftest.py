"""Fixtures of the engines: a process with Keras 2, and files of the small model in all formats, converted once."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import InputSpec

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def keras2() -> Iterator[Callable[..., Any]]:
    """Return a function that calls a function in a process with Keras 2: tfmot cannot be imported beside Keras 3.

    It takes a function of a test module, or "module.name" of one that cannot be imported here, and its arguments.
    Arguments and result are JSON; paths become strings.
    """
    with ExitStack() as stack:

        @functools.cache
        def start() -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "tests.engines.keras2_process"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            return stack.enter_context(subprocess.Popen(command, **pipes, text=True, cwd=PROJECT))

        def call(function: Callable[..., Any] | str, *arguments: Any) -> Any:
            name = function if isinstance(function, str) else f"{function.__module__}.{function.__name__}"
            child = start()
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(json.dumps([*name.rsplit(".", 1), arguments], default=str) + "\n")
            child.stdin.flush()
            reply = json.loads(child.stdout.readline())
            if "error" in reply:
                pytest.fail(reply["error"])
            return reply["result"]

        # The process ends when its standard input is closed, at the end of the stack.
        yield call


@pytest.fixture(scope="session")
def keras2_files(make_once: Callable[..., Path], keras2: Callable[..., Any]) -> Path:
    """A folder with files that Keras 2 wrote: see `keras/external/keras2_files.py`."""
    write = "tests.engines.keras.external.keras2_files.write_files"
    return make_once("keras2-files", lambda folder: keras2(write, folder))


@pytest.fixture(scope="session")
def small_network(make_once: Callable[..., Path], small_model: Callable[..., Any], photo_array: np.ndarray) -> Path:
    """Return a folder with the small model as a network, and its scores for all photos: see `small_network.py`."""

    def write(folder: Path) -> None:
        from edgetl.core.network import description
        from edgetl.engines.keras import to_network

        model = small_model()
        # As after training: statistics that change the weights when they are folded, scores that differ by photo.
        generator = np.random.default_rng(5)
        for name in ("bn1", "bn2"):
            layer = model.get_layer(name)
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
        weights, bias = model.get_layer("scores").get_weights()
        model.get_layer("scores").set_weights([weights * 20, bias])
        description.save_network(to_network.describe_network(model), folder)
        photos, scores = to_network.probe_model(model, photo_array)
        np.savez(folder / "probe.npz", photos=photos, scores=scores, pixels=photo_array)

    return make_once("network", write)


@pytest.fixture(scope="session")
def qat_export(make_once: Callable[..., Path], small_network: Path, keras2: Callable[..., Any]) -> Path:
    """Return a folder with the SavedModel of a quantization-aware model, saved_model/, and its predictions.npy."""

    def write(folder: Path) -> None:
        keras2("tests.engines.small_network.export_qat_model", small_network, folder, "uneven")

    return make_once("qat", write)


@pytest.fixture(scope="session")
def small_keras(make_once: Callable[..., Path], small_model: Callable[..., Any]) -> Path:
    """Return the .keras file of the small model."""

    def write(folder: Path) -> None:
        from edgetl.engines.keras import model as keras_model

        keras_model.save_model(small_model(), folder / "model.keras")

    return make_once("keras", write) / "model.keras"


@pytest.fixture(scope="session")
def saved_models(make_once: Callable[..., Path], small_keras: Path) -> dict[str, Path]:
    """Kind of input → SavedModel of the small model."""
    kinds = ("uint8", "ranged", "float32")

    def write(folder: Path) -> None:
        from edgetl.engines.keras import saved_model

        for kind in kinds:
            saved_model.export_saved_model(small_keras, folder / kind, kind)

    folder = make_once("saved-models", write)
    return {kind: folder / kind for kind in kinds}


@pytest.fixture(scope="session")
def metadata() -> ModelMetadata:
    """Metadata of the small model. The names need quoting and an encoding."""
    return ModelMetadata(classes=("ant", "Gänseblümchen", "a,b"), input=InputSpec(height_px=32, width_px=32, fit="pad"))


@pytest.fixture(scope="session")
def calibrated_tflite(
    make_once: Callable[..., Path],
    saved_models: dict[str, Path],
    photo_array: np.ndarray,
    as_pixels: Callable[..., Pixels],
) -> bytes:
    """The small model as a calibrated .tflite file."""

    def write(folder: Path) -> None:
        from edgetl.engines.tflite import calibrate

        photos: list[int] = []
        model = calibrate.calibrate_model(saved_models["ranged"], as_pixels(photo_array), photos.append)
        assert sum(photos) == len(photo_array)
        (folder / "calibrated.tflite").write_bytes(model)

    return (make_once("calibrated-tflite", write) / "calibrated.tflite").read_bytes()


@pytest.fixture(scope="session")
def translated_onnx(make_once: Callable[..., Path], saved_models: dict[str, Path]) -> bytes:
    """The small model as a float .onnx graph."""

    def write(folder: Path) -> None:
        from edgetl.engines.onnx import convert

        (folder / "graph.onnx").write_bytes(convert.translate_saved_model(saved_models["uint8"]))

    return (make_once("translated-onnx", write) / "graph.onnx").read_bytes()


@pytest.fixture(scope="session")
def calibrated_onnx(
    make_once: Callable[..., Path], translated_onnx: bytes, photo_array: np.ndarray, as_pixels: Callable[..., Pixels]
) -> bytes:
    """The small model as a calibrated .onnx graph."""

    def write(folder: Path) -> None:
        from edgetl.engines.onnx import calibrate

        photos: list[int] = []
        model = calibrate.calibrate_model(translated_onnx, as_pixels(photo_array), photos.append)
        assert sum(photos) == len(photo_array)
        (folder / "calibrated.onnx").write_bytes(model)

    return (make_once("calibrated-onnx", write) / "calibrated.onnx").read_bytes()


@pytest.fixture(scope="session")
def tflite_files(
    make_once: Callable[..., Path],
    saved_models: dict[str, Path],
    photo_array: np.ndarray,
    as_pixels: Callable[..., Pixels],
) -> dict[str, Path]:
    """Method → .tflite file of the small model. Methods with the same dtypes share a file."""
    files = _name_files("tflite")

    def write(folder: Path) -> None:
        from edgetl.engines.tflite import convert

        for name in set(files.values()):
            method = METHODS[name]
            photos = as_pixels(photo_array) if method.calibrated else None
            source = saved_models[convert.choose_input_kind(method)]
            (folder / f"{name}.tflite").write_bytes(convert.convert_saved_model(source, method, photos))

    folder = make_once("tflite", write)
    return {method: folder / f"{name}.tflite" for method, name in files.items()}


@pytest.fixture(scope="session")
def onnx_files(
    make_once: Callable[..., Path], translated_onnx: bytes, calibrated_onnx: bytes, metadata: ModelMetadata
) -> dict[str, Path]:
    """Method → .onnx file of the small model. Methods with the same dtypes share a file."""
    files = _name_files("onnx")

    def write(folder: Path) -> None:
        from edgetl.engines.onnx import calibrate, convert

        for name in set(files.values()):
            method = METHODS[name]
            if method.calibrated:
                content = calibrate.quantize_model(calibrated_onnx, method, (), metadata)
            else:
                content = convert.convert_graph(translated_onnx, method, metadata)
            (folder / f"{name}.onnx").write_bytes(content)

    folder = make_once("onnx", write)
    return {method: folder / f"{name}.onnx" for method, name in files.items()}


def _name_files(format_name: str) -> dict[str, str]:
    """Map each method without float layers to the first one with the same dtypes, from which its file gets the name."""
    first: dict[tuple[str, str], str] = {}
    return {
        name: first.setdefault((method.weights, method.activations), name)
        for name, method in METHODS.items()
        if format_name in method.formats and not method.float_layers
    }
