"""Real bundles around tiny real models, and an interpreter that holds what a device holds and nothing else."""

import dataclasses
import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from edgetl.core.device import bundle_files, targets
from edgetl.core.device.bundle_files import BundleContents, GoldenSet
from edgetl.core.photos import pixels
from edgetl.core.records import (
    Artifact,
    CalibrationSet,
    Dataset,
    InputSpec,
    Photo,
    Refusal,
    TensorSpec,
    Trained,
    Verdict,
)
from edgetl.stages.bundle import bundle

SIDE_PX = 32
CLASSES = {
    "three": ("daisy", "ox-eye & co ☼", "rose"),
    "two": ("cat", "dog"),
    "colours": ("red", "green", "blue"),
}
DEMO_PACKAGES = (
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict", "propcache"),
    *("typing-extensions", "yarl"),
)


@dataclass(frozen=True)
class Device:
    """A Python that can import numpy, Pillow and the runtime, and neither edgetl nor TensorFlow."""

    python: Path

    def run(self, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a payload program as a user would, from some other folder."""
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
        command = [str(self.python), str(folder / program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, check=False)


@pytest.fixture(scope="session")
def payload() -> Callable[[str], ModuleType]:
    """A payload program that needs no other, loaded from targets/common."""

    def load(name: str) -> ModuleType:
        path = Path(__file__).parents[2] / "targets" / "common" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"payload_{name}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up there.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def demo() -> Iterator[Callable[[str], Any]]:
    """A module of the camera demo, loaded from targets/raspberry-pi as it finds its neighbours in a bundle."""
    root = Path(__file__).parents[2] / "targets"
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for folder in ("tflite", "common", "raspberry-pi"):
            patch.syspath_prepend(root / folder)
        patch.setitem(sys.modules, "pixels", pixels)
        yield importlib.import_module
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(root):
                del sys.modules[name]


@pytest.fixture(scope="session")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return _device(tmp_path_factory.mktemp("device"), "numpy", "pillow", "ai-edge-litert")


@pytest.fixture(scope="session")
def demo_device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The same with aiohttp and what that needs."""
    return _device(tmp_path_factory.mktemp("demo_device"), "numpy", "pillow", "ai-edge-litert", *DEMO_PACKAGES)


def _device(root: Path, *packages: str) -> Device:
    venv.create(root, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = root / "lib" / version / "site-packages"
    for name in packages:
        distribution = metadata.distribution(name)
        tops = {PurePosixPath(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return Device(root / "bin" / "python")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind → .tflite: three classes as float32 and as int8, two classes with one sigmoid unit as int8."""
    root = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        import tensorflow as tf
        from tensorflow import lite

        keras.utils.set_random_seed(1)
        noise = np.random.default_rng(1).integers(0, 256, (16, 1, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        made: dict[str, Path] = {}
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
                made[kind] = root / f"{kind}.tflite"
                made[kind].write_bytes(converter.convert())
    return made


@pytest.fixture(scope="session")
def built(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind → a finished bundle. Tests that change one copy it first."""
    bundled = {}
    for kind, model in models.items():
        bundled[kind] = tmp_path_factory.mktemp(f"bundle_{kind}")
        bundle(_job(model, kind, tmp_path_factory.mktemp("photos")), bundled[kind])
    return bundled


@pytest.fixture(scope="session")
def demo_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for raspberry-pi, the demo in it, whose model knows which of red, green and blue a photo is."""
    root = tmp_path_factory.mktemp("colours")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        from tensorflow import lite

        image = keras.Input(batch_shape=(1, SIDE_PX, SIDE_PX, 3), dtype="uint8", name="image")
        mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
        head = keras.layers.Dense(3, activation="softmax", use_bias=False)
        network = keras.Model(image, head(mean))
        head.set_weights([8 * np.eye(3)])
        network.export(root / "saved", format="tf_saved_model", verbose=False)
        (root / "colours.tflite").write_bytes(lite.TFLiteConverter.from_saved_model(str(root / "saved")).convert())
    job = _job(root / "colours.tflite", "colours", tmp_path_factory.mktemp("photos"))
    folder = tmp_path_factory.mktemp("demo_bundle")
    bundle(dataclasses.replace(job, target=targets.find_target("raspberry-pi")), folder)
    return folder


@pytest.fixture(scope="session")
def reseal() -> Callable[[Path], None]:
    """Write checksums that fit a changed bundle: what only a wrong build could do."""

    def write(folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != bundle_files.CHECKSUMS)
        digests = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
        (folder / bundle_files.CHECKSUMS).write_text(bundle_files.format_checksums(digests), encoding="ascii")

    return write


def _job(model: Path, kind: str, root: Path) -> BundleContents:
    classes = CLASSES[{"sigmoid": "two", "colours": "colours"}.get(kind, "three")]
    photos = tuple(_photo(root, index, index % len(classes)) for index in range(6))
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
    chosen = bundle_files.select_golden_photos(dataset)
    fitted = np.stack([pixels.load_photo(root / photo.path, SIDE_PX, "crop") for photo in chosen])
    outputs = []
    for image in fitted:
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
            input=InputSpec(side_px=SIDE_PX, fit="crop"),
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
        # model_construct leaves the rest out: a bundle takes a summary.
        verdict=Verdict.model_construct(artifact_sha256=_sha256(model), outcome="PASS"),
        dataset=dataset,
        recipe={"base": {"name": "mobilenet_v2"}},
        golden=GoldenSet(photos=chosen, pixels=fitted, outputs=np.stack(outputs)),
    )


def _photo(root: Path, index: int, label: int) -> Photo:
    rng = np.random.default_rng(index)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path = root / f"{index}{'.png' if index % 2 else '.jpg'}"
    coarse.resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return Photo(path=path.name, label=label, sha256=_sha256(path))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
