"""Real bundles with tiny real models, and a Python that has the packages of a device and no others."""

import dataclasses
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import venv
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from edgetl.core.device import bundle_files, targets
from edgetl.core.device.bundle_files import BundleContents, GoldenSet
from edgetl.core.photos import pixels
from edgetl.core.records import Artifact, CalibrationSet, Dataset, InputSpec, Photo, Refusal, TensorSpec, Trained
from edgetl.core.verdict_records import Verdict
from edgetl.stages.bundle import write_bundle
from tests.fixtures.answers import add_answers, fix_batch

SIDE_PX = 32
KINDS = ("float32", "int8", "sigmoid")
COLOURS = ("colours", "colours8")
CLASSES = {
    "three": ("daisy", "ox-eye & co ☼", "rose"),
    "two": ("cat", "dog"),
    "colours": ("red", "green", "blue"),
}
PACKAGES = ("numpy", "pillow")
DEMO_PACKAGES = (
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict", "propcache"),
    *("typing-extensions", "yarl"),
)


@dataclass(frozen=True)
class Device:
    """A Python that can import numpy, Pillow and the runtime, and neither edgetl nor TensorFlow."""

    python: Path

    def run(self, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a payload program as a user does, from another working folder."""
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
        command = [str(self.python), str(folder / program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, check=False)


@pytest.fixture(scope="module")
def import_payload() -> Iterator[Callable[[str], Any]]:
    """Import a payload program by its module name, with the other programs beside it as in a bundle."""
    root = Path(__file__).parents[2] / "targets"
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for folder in ("tflite", "common", "raspberry-pi"):
            patch.syspath_prepend(root / folder)
        patch.setitem(sys.modules, "pixels", pixels)
        yield importlib.import_module
        # Names such as `board` or `timing` must not remain for the tests of other folders.
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(root):
                del sys.modules[name]


@pytest.fixture(scope="module")
def demo_web(import_payload, tmp_path_factory):
    """The program, with the files of the page in one folder, as in a bundle."""
    module, folder = import_payload("demo_web"), tmp_path_factory.mktemp("page")
    for place in (module.HERE, module.HERE.parent / "common"):
        for path in place.glob("demo_page.*"):
            shutil.copy(path, folder)
    module.HERE = folder
    return module


@pytest.fixture(scope="session")
def device(make_once: Callable[..., Path]) -> Device:
    return Device(make_once("device", lambda root: _make_device(root, *PACKAGES, "ai-edge-litert")) / "bin" / "python")


@pytest.fixture(scope="session")
def demo_device(make_once: Callable[..., Path]) -> Device:
    """A device with aiohttp and its dependencies."""
    packages = (*PACKAGES, "ai-edge-litert", *DEMO_PACKAGES)
    return Device(make_once("demo-device", lambda root: _make_device(root, *packages)) / "bin" / "python")


@pytest.fixture(scope="session")
def onnx_device(make_once: Callable[..., Path]) -> Device:
    """A device with onnxruntime in place of LiteRT."""
    return Device(
        make_once("onnx-device", lambda root: _make_device(root, *PACKAGES, "onnxruntime")) / "bin" / "python"
    )


def _make_device(root: Path, *packages: str) -> None:
    """Make a virtual environment whose packages are links to those of this one."""
    venv.create(root, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = root / "lib" / version / "site-packages"
    for name in packages:
        distribution = metadata.distribution(name)
        top_level = {PurePosixPath(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for entry in top_level:
            (site / entry).symlink_to(Path(str(distribution.locate_file(entry))))


@pytest.fixture(scope="session")
def bundles(make_once: Callable[..., Path]) -> dict[str, Path]:
    """Map the name of a model → its bundle. Tests that change a bundle copy it first.

    The models have three classes in float32 and in int8, or two classes with one sigmoid unit in int8.
    """

    def write(folder: Path) -> None:
        _convert_models(folder)
        for kind in KINDS:
            (folder / kind).mkdir()
            write_bundle(_make_contents(folder / f"{kind}.tflite", kind, folder / f"{kind}-photos"), folder / kind)

    folder = make_once("bundles", write)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def demo_bundle(make_once: Callable[..., Path]) -> Path:
    """A bundle for raspberry-pi, with the demo, whose model predicts which of red, green and blue a photo is."""

    def write(folder: Path) -> None:
        _convert_colour_models(folder)
        contents = _make_contents(folder / "colours.tflite", "colours", folder / "photos")
        (folder / "bundle").mkdir()
        write_bundle(dataclasses.replace(contents, target=targets.find_target("raspberry-pi")), folder / "bundle")

    return make_once("demo-bundle", write) / "bundle"


@pytest.fixture(scope="session")
def answer_bundles(make_once: Callable[..., Path]) -> dict[str, Path]:
    """Map "colours" (float32) and "colours8" (int8) → the demo bundle with features, thresholds and golden answers."""

    def write(folder: Path) -> None:
        _convert_colour_models(folder)
        for kind in COLOURS:
            contents = _make_contents(folder / f"{kind}.tflite", kind, folder / f"{kind}-photos")
            contents = dataclasses.replace(contents, target=targets.find_target("raspberry-pi"))
            (folder / f"{kind}-files").mkdir()
            (folder / kind).mkdir()
            write_bundle(add_answers(contents, folder / f"{kind}-files"), folder / kind)

    folder = make_once("answer-bundles", write)
    return {kind: folder / kind for kind in COLOURS}


@pytest.fixture(scope="session")
def browser_bundle(make_once: Callable[..., Path], browser_runtime: Path) -> Path:
    """A bundle for the browser with the int8 model of `answer_bundles`."""
    del browser_runtime

    def write(folder: Path) -> None:
        _convert_colour_models(folder)
        model = folder / "colours8.tflite"
        model.write_bytes(fix_batch(model.read_bytes()))
        contents = _make_contents(model, "colours", folder / "photos")
        contents = dataclasses.replace(contents, target=targets.find_target("browser"))
        (folder / "files").mkdir()
        (folder / "bundle").mkdir()
        write_bundle(add_answers(contents, folder / "files"), folder / "bundle")

    return make_once("browser-bundle", write) / "bundle"


def _convert_models(root: Path) -> None:
    """Write float32.tflite, int8.tflite and sigmoid.tflite: untrained models with different weights."""
    with warnings.catch_warnings():
        # TensorFlow and its dependencies warn about each other.
        warnings.simplefilter("ignore")
        import keras
        import tensorflow as tf
        from tensorflow import lite

        keras.utils.set_random_seed(1)
        noise = np.random.default_rng(1).integers(0, 256, (16, 1, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        for units, activation, kinds in ((3, "softmax", ("float32", "int8")), (1, "sigmoid", ("sigmoid",))):
            image = keras.Input(batch_shape=(1, SIDE_PX, SIDE_PX, 3), dtype="uint8", name="image")
            features = keras.layers.Rescaling(1 / 127.5, -1)(image)
            features = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(features)
            features = keras.layers.GlobalAveragePooling2D()(features)
            label = keras.layers.Dense(units, activation=activation, kernel_initializer="he_normal")(features)
            keras.Model(image, label).export(root / f"saved{units}", format="tf_saved_model", verbose=False)
            for kind in kinds:
                converter = lite.TFLiteConverter.from_saved_model(str(root / f"saved{units}"))
                if kind != "float32":
                    converter.optimizations = [lite.Optimize.DEFAULT]
                    converter.representative_dataset = lambda: ([photo] for photo in noise)
                    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
                    converter.inference_input_type = converter.inference_output_type = tf.uint8
                (root / f"{kind}.tflite").write_bytes(converter.convert())


def _convert_colour_models(root: Path) -> None:
    """Write colours.tflite and colours8.tflite, whose scores are those of the mean red, green and blue of a photo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras
        import tensorflow as tf
        from tensorflow import lite

        image = keras.Input(batch_shape=(1, SIDE_PX, SIDE_PX, 3), dtype="uint8", name="image")
        mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
        head = keras.layers.Dense(3, activation="softmax", use_bias=False)
        network = keras.Model(image, head(mean))
        head.set_weights([8 * np.eye(3)])
        network.export(root / "saved", format="tf_saved_model", verbose=False)
        colours = 255 * np.array([*np.eye(3), (0, 0, 0), (1, 1, 1)])
        for kind in COLOURS:
            converter = lite.TFLiteConverter.from_saved_model(str(root / "saved"))
            if kind == "colours8":
                converter.optimizations = [lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: (
                    [np.full((1, SIDE_PX, SIDE_PX, 3), colour, np.uint8)] for colour in colours
                )
                converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.uint8
            (root / f"{kind}.tflite").write_bytes(converter.convert())


@pytest.fixture(scope="session")
def write_checksums() -> Callable[[Path], None]:
    """Write checksums that match a changed bundle, as only a defective build would."""

    def write(folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != bundle_files.CHECKSUMS)
        digests = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
        (folder / bundle_files.CHECKSUMS).write_text(bundle_files.format_checksums(digests), encoding="ascii")

    return write


def _make_contents(model: Path, kind: str, root: Path) -> BundleContents:
    """Draw golden photos into a new folder, predict them, and make the records of a build."""
    root.mkdir()
    classes = CLASSES[{"sigmoid": "two", **dict.fromkeys(COLOURS, "colours")}.get(kind, "three")]
    photos = tuple(_write_photo(root, index, index % len(classes)) for index in range(6))
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    tensors = [
        TensorSpec(
            name=details["name"],
            shape=tuple(int(length) for length in details["shape"]),
            dtype=details["dtype"].__name__,
            scale=details["quantization"][0],
            zero_point=details["quantization"][1],
        )
        for details in (interpreter.get_input_details()[0], interpreter.get_output_details()[0])
    ]
    dataset = Dataset(root=root, classes=classes, train=(), validation=(), test=photos, left_out=(), sha256="d" * 64)
    golden = bundle_files.select_golden_photos(dataset)
    images = np.stack([pixels.load_photo(root / photo.path, SIDE_PX, SIDE_PX, "crop") for photo in golden])
    outputs = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return BundleContents(
        target=targets.find_target("tflite"),
        trained=Trained(
            path=root / "model.keras",
            sha256="a" * 64,
            base="mobilenet_v2",
            alpha=1.0,
            weights="none",
            input=InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop"),
            classes=classes,
            activation="sigmoid" if kind == "sigmoid" else "softmax",
            parameters=1,
            phases=(),
            dataset_sha256=dataset.sha256,
            backend="tensorflow",
            device="cpu",
            precision="float32",
        ),
        artifact=Artifact(
            path=model,
            format="tflite",
            method="float32" if kind in ("float32", "colours") else "int8",
            input=tensors[0],
            output=tensors[1],
            operators={},
            tensor_dtypes={},
            bytes=model.stat().st_size,
            sha256=_sha256(model),
            trained_sha256="a" * 64,
            gzip_bytes=5,
            sparsity=0.25,
            distinct_weights=9,
            agreement=1.0,
            refusal=Refusal(message="", hint=""),
            calibration=CalibrationSet(photos=0, sha256=""),
        ),
        # model_construct leaves the other fields out: a bundle contains a summary of the verdict.
        verdict=Verdict.model_construct(artifact_sha256=_sha256(model), outcome="PASS"),
        dataset=dataset,
        recipe={"base": {"name": "mobilenet_v2"}},
        golden=GoldenSet(photos=golden, pixels=images, outputs=np.stack(outputs)),
    )


def _write_photo(root: Path, index: int, label: int) -> Photo:
    generator = np.random.default_rng(index)
    coarse = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path = root / f"{index}{'.png' if index % 2 else '.jpg'}"
    coarse.resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return Photo(path=path.name, label=label, sha256=_sha256(path))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
