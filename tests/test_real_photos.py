"""Real photos with ImageNet weights: the network learns them, converts, keeps its accuracy, and its bundle works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files, targets
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.pipeline.order import Order
from tests.fixtures.runs import build_in

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
def flower_run(flowers, tmp_path_factory):
    flags = {
        "base": {"name": "mobilenet_v2", "alpha": 0.35, "side_px": 96, "weights": str(WEIGHTS)},
        "phase1": {"epochs": 2, "learning_rate": 0.005},
        "phase2": {"epochs": 1},
        "training": {"batch_size": 8},
    }
    order = Order(
        photos=flowers,
        targets=(targets.find_target("tflite"),),
        recipe=resolve_recipe("default", flags),
        method="int8",
    )
    return build_in(tmp_path_factory.mktemp("real") / "run", order)


@pytest.fixture(scope="module")
def flower_result(flower_run):
    """The results for the only target."""
    return flower_run.targets[0]


def test_network_learns_flowers(flower_run, flower_result):
    assert flower_run.trained.parameters > 400_000
    assert flower_result.verdict.reference_accuracy > 0.6


def test_int8_file_keeps_the_accuracy(flower_result):
    verdict = flower_result.verdict
    assert (verdict.method, verdict.part) == ("int8", "test") and verdict.photos > 40
    assert verdict.agreement > 0.85 and verdict.drop < 0.1
    assert [hop.name for hop in verdict.hops] == ["Keras", "float32 TFLite", "int8, XNNPACK", "int8, reference kernels"]
    assert verdict.hops[1].worst_difference < 1e-4, "float32 TFLite predicts what Keras predicts"
    assert flower_result.artifact.bytes < 1_000_000


def test_bundle_checks_itself_and_classifies_a_flower(flower_run, flower_result, flowers):
    root = flower_result.bundle.root
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}

    def run_program(name, *arguments):
        command = [sys.executable, str(root / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    check = run_program("selfcheck.py")
    assert check.returncode == 0, check.stdout + check.stderr
    assert check.stdout.splitlines()[-1] == bundle_files.format_closing_line((root / "SHA256SUMS").read_bytes())
    classified = run_program("classify.py", next((flowers / "sunflowers").iterdir()))
    assert classified.returncode == 0, classified.stderr
    assert any(name in classified.stdout for name in flower_run.trained.classes)
