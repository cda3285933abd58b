"""Drawn photos, one small trained run shared by the whole session, and edgetl as a child process.

A cache of its own keeps every test away from the user's. The run's base is MobileNet with weights written by hand: a
head on it learns colours in seconds, which it never does on random ones.
"""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.run.run_folder import open_run, read_finished_stage
from edgetl.pipeline.build import Built, Delivered, run_build
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import Order
from edgetl.pipeline.pipeline import Pipeline

SIDE_PX = 32
COLOURS = {"circle": (220, 40, 40), "square": (40, 200, 60), "triangle": (50, 70, 230)}
PROJECT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Take ^C off the list of ignored signals, on which a shell puts it for what it starts in the background.

    Children inherit that list, and some tests interrupt theirs.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache of everything that does not ask for one of its own."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(root))
        yield root


def _drawn(label: int, number: int) -> Image.Image:
    """One photo: a shape of its class's colour somewhere on a blotchy background, with noise."""
    draws = np.random.default_rng((label, number))
    blotches = draws.integers(60, 200, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(blotches).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    size = int(draws.integers(14, 22))
    left, top = (int(place) for place in draws.integers(0, SIDE_PX - size, 2))
    name, colour = list(COLOURS.items())[label]
    fill = tuple(int(level) for level in np.clip(np.array(colour) + draws.integers(-30, 31, 3), 0, 255))
    box = (left, top, left + size, top + size)
    if name == "triangle":
        ImageDraw.Draw(image).polygon(((left, box[3]), (box[2], box[3]), (left + size // 2, top)), fill=fill)
    elif name == "square":
        ImageDraw.Draw(image).rectangle(box, fill=fill)
    else:
        ImageDraw.Draw(image).ellipse(box, fill=fill)
    noisy = np.asarray(image).astype(np.int64) + draws.integers(-15, 16, (SIDE_PX, SIDE_PX, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def draw_photos() -> Callable[..., Path]:
    """Draw `numbers` of each class into a folder; the same numbers give the same photos."""

    def draw(root: Path, numbers: range, classes: int = 3) -> Path:
        for label, name in enumerate(list(COLOURS)[:classes]):
            (root / name).mkdir(parents=True, exist_ok=True)
            for number in numbers:
                _drawn(label, number).save(root / name / f"{number:03}.png")
        return root

    return draw


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, draw_photos: Callable[..., Path]) -> Path:
    """120 photos of three classes. Nobody writes here."""
    return draw_photos(tmp_path_factory.mktemp("drawn") / "shapes", range(40))


@pytest.fixture(scope="session")
def photo_array() -> np.ndarray:
    """uint8 [30, 32, 32, 3]: the first ten photos of each class, in the order of the classes."""
    return np.stack([np.asarray(_drawn(label, number)) for label in range(3) for number in range(10)])


class _InMemory(Pixels):
    """What `pixelstore.opened` gives, over an array."""

    def __init__(self, array: np.ndarray) -> None:
        places = np.array([(0, row) for row in range(len(array))], np.int64).reshape(-1, 2)
        super().__init__(lambda _: array, places, InputSpec(side_px=array.shape[1], fit="crop"))


@pytest.fixture(scope="session")
def as_pixels() -> Callable[[np.ndarray], Pixels]:
    """uint8 [photos, side, side, 3] as Pixels."""
    return _InMemory


@pytest.fixture(scope="session")
def base_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for `mobilenet` at alpha 0.25 that carry colours from the photo to the features, with some noise."""
    from edgetl.engines.keras import model as keras_model

    keras_model.reset_keras(7)
    network = keras_model.keras.applications.MobileNet(
        (SIDE_PX, SIDE_PX, 3), alpha=0.25, include_top=False, weights=None
    )
    noise = np.random.default_rng(7)
    for layer in network.layers:
        if not layer.name.startswith("conv") or not layer.weights or layer.name.endswith("bn"):
            continue
        kernel = noise.normal(0, 0.02, layer.kernel.shape)
        if layer.name == "conv1":
            # Each colour with both signs, as the rectifier keeps only one, and two differences.
            colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 0]], np.float64)
            kernel[:2, :2] += np.concatenate([colours, -colours]).T / 4
        elif "dw" in layer.name and layer.strides[0] == 2:
            kernel[:2, :2] += 1 / 4
        elif "dw" in layer.name:
            kernel[1, 1] += 1
        else:
            incoming, outgoing = kernel.shape[-2:]
            kernel[0, 0, np.arange(outgoing) % incoming, np.arange(outgoing)] += 1.2
        layer.kernel.assign(kernel)
    path = tmp_path_factory.mktemp("weights") / "colours.weights.h5"
    network.save_weights(path)
    return path


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory, base_weights: Path) -> Path:
    """The recipe of the shared run, as a user would write it."""
    path = tmp_path_factory.mktemp("recipe") / "shapes.toml"
    path.write_text(
        f"""
        [base]
        name = "mobilenet"
        alpha = 0.25
        side_px = {SIDE_PX}
        weights = "{base_weights}"
        [head]
        dropout = 0.0
        [augment]
        shift = 0.0
        zoom = 0.0
        [training]
        batch_size = 8
        [phase1]
        epochs = 3
        learning_rate = 0.02
        [phase2]
        epochs = 1
        unfreeze = "-3"
        """,
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="session")
def order(photos: Path, recipe_file: Path) -> Order:
    """The order of the shared run."""
    return Order(
        photos=photos, targets=(targets.find_target("tflite"),), recipe=resolve_recipe(str(recipe_file))
    )


def _build(order: Order, root: Path) -> Built:
    with open_run(root) as run:
        return run_build(Context(order=order, run=run, console=Console(quiet=True)))


@pytest.fixture(scope="session")
def shared_run(order: Order, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same as `built`, for test modules in which that name means something else."""
    return _build(order, tmp_path_factory.mktemp("shared") / "run")


@pytest.fixture(scope="session")
def built(shared_run: Built) -> Built:
    """The shared run, built in this process. Tests that change it copy its folder first."""
    return shared_run


@pytest.fixture(scope="session")
def delivered(shared_run: Built) -> Delivered:
    """What the shared run made for its only target."""
    return shared_run.targets[0]


@pytest.fixture(scope="session")
def built_both(shared_run: Built, order: Order, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The shared run once more, for TFLite and ONNX: nothing is trained again."""
    root = Path(shutil.copytree(shared_run.run, tmp_path_factory.mktemp("both") / "run"))
    both = dataclasses.replace(order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))
    return _build(both, root)


@pytest.fixture
def context(built: Built, order: Order, tmp_path: Path) -> Iterator[Context]:
    """The context of a copy of the shared run."""
    with open_run(Path(shutil.copytree(built.run, tmp_path / "run"))) as run:
        yield Context(order=order, run=run, console=Console(quiet=True))


@pytest.fixture
def pipeline(context: Context) -> Pipeline:
    """The pipeline of a copy of the shared run."""
    return Pipeline(context)


@pytest.fixture(scope="session")
def shared_dataset(built: Built) -> Dataset:
    """The dataset of the shared run."""
    done = read_finished_stage(built.run / "ingest", Dataset)
    assert done is not None
    return done.record


@pytest.fixture(scope="session")
def small_model() -> Callable[..., Any]:
    """A flat model of the shape that `keras3.assembled` gives, small enough to compile in a second.

    Its base is conv1, bn1, relu1, conv2 (depthwise), bn2, relu2, conv3 (1x1), relu3.
    """
    from edgetl.engines.keras import build
    from edgetl.engines.keras import model as keras_model

    layers = keras_model.keras.layers

    def make(classes: int = 3, activation: str = "softmax", seed: int = 1) -> Any:
        keras_model.reset_keras(seed)
        image = keras_model.keras.Input((SIDE_PX, SIDE_PX, 3), dtype="uint8", name="image")
        features = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
        features = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv1")(features)
        features = layers.BatchNormalization(momentum=0.999, name="bn1")(features)
        features = layers.ReLU(6.0, name="relu1")(features)
        features = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="conv2")(features)
        features = layers.BatchNormalization(momentum=0.999, name="bn2")(features)
        features = layers.ReLU(6.0, name="relu2")(features)
        # TFLite leaves weights of fewer than 1024 numbers as floats when only weights are quantized.
        features = layers.Conv2D(128, 1, name="conv3")(features)
        features = layers.ReLU(6.0, name="relu3")(features)
        features = layers.GlobalAveragePooling2D(name=build.POOLING)(features)
        units = 1 if activation == "sigmoid" else classes
        scores = layers.Dense(units, activation=activation, name=build.SCORES, dtype="float32")(features)
        model = keras_model.keras.Model(image, scores, name="classifier")
        for layer in build.list_base_layers(model):
            layer.trainable = False
        return model

    return make


@pytest.fixture
def measure_json() -> dict[str, Any]:
    """What bench.py writes: 4 ms on four threads, no soak, two photos, one of them named right. Yours to change."""

    def times(ms: float) -> dict[str, Any]:
        percentile = {"ms": ms, "low_ms": 0.9 * ms, "high_ms": 1.1 * ms}
        bounds = {"mean_ms": ms, "min_ms": ms, "max_ms": ms}
        return {"runs": 100, **bounds, "p50": percentile, "p90": percentile, "p99": percentile}

    steps = {"decode": 1.0, "preprocess": 2.0, "invoke": 4.0, "postprocess": 0.5, "total": 7.5}
    return {
        "schema": 1,
        "valid": True,
        "reasons": [],
        "started_at": "2026-11-24T10:00:00Z",
        "seconds": 12.5,
        "target": "tflite",
        "base": "mobilenet",
        "method": "int8",
        "model_sha256": "m" * 64,
        "board": {
            "name": "Raspberry Pi 4 Model B Rev 1.4",
            "machine": "aarch64",
            "processor": "Cortex-A72",
            "cores": 4,
            "kernel": "6.12",
            "system": "Debian GNU/Linux 13 (trixie)",
            "highest_hz": 1_800_000_000,
            "governor": "ondemand",
            "emulated": False,
        },
        "versions": {"python": "3.13.5"},
        "accelerated": True,
        "golden_photos": 8,
        "sweep": [{"threads": 4, "load_ms": 20.0, "first_ms": 9.0, "accelerated": True, "steady": times(4.0)}],
        "best_threads": 4,
        "photo": {name: times(ms) for name, ms in steps.items()},
        "soak": None,
        "accuracy": {
            "photos": 2,
            "right": 1,
            "accuracy": {"value": 0.5, "low": 0.1, "high": 0.9},
            "per_label": {"circle": {"photos": 1, "right": 1}, "square": {"photos": 1, "right": 0}},
            "unreadable": {},
            "answers": [
                {"photo": "square/000001.png", "label": 1, "probabilities": [0.75, 0.25]},
                {"photo": "circle/000000.png", "label": 0, "probabilities": [0.5, 0.5]},
            ],
        },
        "memory": {"mean_bytes": 60_000_000, "peak_bytes": 80_000_000},
        "throttled": {"now": [], "since_boot": ["under-voltage"]},
        "others_cores": 0.01,
        "watch": {"at_s": [0.0, 1.0], "temperature_c": [None, 50.5]},
        "unwatched": {},
    }


_SSH = """#!/bin/sh
# Stands where OpenSSH would: the device's name is the last argument but one, its script the last one.
echo "$*" | head -n 1 >>"{root}/log"
case "$*" in *"-O exit"*) exit 0;; esac
for last; do device=$script; script=$last; done
home="{root}/$device"
if ! [ -d "$home" ]; then echo "ssh: connect to host $device port 22: Connection refused" >&2; exit 255; fi
export HOME="$home" PATH="$home/bin:/usr/bin:/bin" PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH
if [ -f "$home/no-path" ]; then export PATH="$home/bin"; fi
cd "$home"
echo x >>"$home/calls"
if [ -f "$home/drop-at" ] && [ "$(wc -l <"$home/calls")" = "$(cat "$home/drop-at")" ]; then
    timeout 1 head -c 3000 | /bin/sh -c "$script" >/dev/null 2>&1
    echo "client_loop: send disconnect: Broken pipe" >&2
    exit 255
fi
/bin/sh -c "$script"
"""


@dataclass(frozen=True)
class Fleet:
    """Devices that are folders, behind an `ssh` of ours: each is its own home, with programs of its own in bin."""

    root: Path

    @property
    def path(self) -> str:
        """PATH with our ssh in front."""
        return f"{self.root / 'ssh'}{os.pathsep}{os.environ['PATH']}"

    @property
    def log(self) -> list[str]:
        """The first line of every command line that ssh was given."""
        return (self.root / "log").read_text(encoding="utf-8").splitlines()

    def add(self, name: str) -> Path:
        """A device; gives its home."""
        home = self.root / name
        (home / "bin").mkdir(parents=True)
        return home

    def program(self, home: Path, name: str, body: str) -> None:
        """A program on a device."""
        path = home / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """No devices yet; `ssh` is ours in this process and its children."""
    made = Fleet(tmp_path / "fleet")
    (made.root / "ssh").mkdir(parents=True)
    ssh = made.root / "ssh" / "ssh"
    ssh.write_text(_SSH.format(root=made.root), encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", made.path)
    return made


@dataclass(frozen=True)
class Edgetl:
    """`python -m edgetl` as a user starts it, in a folder of its own."""

    folder: Path

    def command(self, *arguments: object) -> list[str]:
        """The command line."""
        return [sys.executable, "-W", "ignore", "-m", "edgetl", *map(str, arguments)]

    def environment(self, **changes: str) -> dict[str, str]:
        """This process's environment, with edgetl on the path and the session's cache."""
        return {**os.environ, "PYTHONPATH": str(PROJECT), "NO_COLOR": "1", **changes}

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command line to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment(**environment),
            check=False,
            timeout=600,
        )


@pytest.fixture
def edgetl(tmp_path: Path) -> Edgetl:
    """Runs edgetl in a folder of this test's own."""
    return Edgetl(tmp_path)


@pytest.fixture(scope="session")
def built_by_cli(
    photos: Path, recipe_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """The shared order once more, built by `edgetl build --json` in a process and with a cache of its own."""
    folder = tmp_path_factory.mktemp("cli")
    return Edgetl(folder)(
        "build",
        photos,
        "--recipe",
        recipe_file,
        "--out",
        folder / "run",
        "--json",
        XDG_CACHE_HOME=str(folder / "cache"),
    )
