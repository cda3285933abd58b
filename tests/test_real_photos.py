"""Real photos with ImageNet weights: a network that learns them, converts, keeps its accuracy and travels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.run import run_folder
from edgetl.pipeline.build import build
from edgetl.pipeline.order import Order

ASSETS = Path(os.environ.get("EDGETL_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
FLOWERS = ASSETS / "datasets" / "flowers5"
WEIGHTS = ASSETS / "keras_home" / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flowers(tmp_path_factory) -> Path:
    """60 photos of each of the five flowers, as links."""
    if not FLOWERS.is_dir() or not WEIGHTS.is_file():
        pytest.skip("the assets (shared/assets beside the project, or $EDGETL_ASSETS) are not here")
    root = tmp_path_factory.mktemp("flowers")
    for folder in sorted(path for path in FLOWERS.iterdir() if path.is_dir()):
        (root / folder.name).mkdir()
        for photo in sorted(folder.iterdir())[:60]:
            (root / folder.name / photo.name).symlink_to(photo)
    return root


@pytest.fixture(scope="module")
def built(flowers, tmp_path_factory):
    flags = {
        "base": {"name": "mobilenet_v2", "alpha": 0.35, "side_px": 96, "weights": str(WEIGHTS)},
        "phase1": {"epochs": 2, "learning_rate": 0.005},
        "phase2": {"epochs": 1},
        "training": {"batch_size": 8},
    }
    order = Order(
        photos=flowers,
        targets=(targets.find_target("tflite"),),
        recipe=recipe.resolve_recipe("default", flags),
        method="int8",
    )
    with run_folder.open_run(tmp_path_factory.mktemp("real") / "run") as run:
        return build(order, run, Console(quiet=True))


def test_it_learns_flowers(built):
    assert built.trained.parameters > 400_000
    assert built.verdict.reference_accuracy > 0.6


def test_int8_keeps_what_was_learned(built):
    verdict = built.verdict
    assert (verdict.method, verdict.part) == ("int8", "test") and verdict.photos > 40
    assert verdict.agreement > 0.85 and verdict.drop < 0.1
    assert [hop.name for hop in verdict.hops] == ["Keras", "float32 TFLite", "int8, reference kernels", "int8, XNNPACK"]
    assert verdict.hops[1].worst_difference < 1e-4, "float32 TFLite answers as Keras does"
    assert built.artifact.bytes < 1_000_000


def test_the_bundle_checks_itself_and_names_a_flower(built, flowers):
    root = built.bundle.root
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(root / "selfcheck.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    photo = next((flowers / "sunflowers").iterdir())
    named = subprocess.run(
        [sys.executable, str(root / "classify.py"), str(photo)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert named.returncode == 0 and any(name in named.stdout for name in built.trained.classes), named.stderr
