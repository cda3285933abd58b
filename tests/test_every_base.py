"""Every base at its smallest side, from random weights: trained, made int8 in both formats, judged, bundled, checked.

Random weights say nothing of accuracy; what is held here is that every graph goes the whole way in integers.
"""

import os
import subprocess
import sys

import pytest

from edgetl.build import build
from edgetl.core import bases, recipe, runs, targets
from edgetl.core.console import Console
from edgetl.engines import keras3
from edgetl.order import Order

QUICK = ("mobilenet_v2",)


def flags(row: bases.Base) -> recipe.Tables:
    return {
        "base": {
            "name": row.name,
            "alpha": 0.25 if row.name == "mobilenet" else min(1.0, row.alphas[0]),
            "side_px": row.smallest_side_px,
            "weights": "none",
        },
        "augment": {"views": 1},
        "training": {"batch_size": 4, "batch_norm": "inference"},
        "phase1": {"epochs": 1},
        # Part of the base stays frozen, so that every base is cut in two.
        "phase2": {"epochs": 1, "unfreeze": "0.2"},
        "convert": {"calibration_photos": 8},
    }


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=() if row.name in QUICK else pytest.mark.slow) for row in bases.BASES.values()],
    ids=lambda row: row.name,
)
def test_it_goes_the_whole_way(row, draw_photos, tmp_path):
    order = Order(
        photos=draw_photos(tmp_path / "shapes", range(12)),
        targets=(targets.find("tflite"), targets.find("onnx")),
        recipe=recipe.resolve("default", flags(row)),
        method="int8",
    )
    with runs.opened(tmp_path / "run") as run:
        built = build(order, run, Console(quiet=True))
    assert [phase.name for phase in built.trained.phases] == ["head", "fine_tune"]
    tflite, onnx = built.targets
    artifact = tflite.artifact
    assert (artifact.method, artifact.input.dtype, artifact.output.dtype) == ("int8", "uint8", "uint8")
    assert (artifact.input.scale, artifact.input.zero_point) == (1.0, 0)
    assert "float32" not in artifact.tensor_dtypes
    artifact = onnx.artifact
    assert (artifact.method, artifact.input.dtype, artifact.output.dtype) == ("int8", "uint8", "float32")
    for delivered, title in ((tflite, "TFLite"), (onnx, "ONNX")):
        hop = delivered.verdict.hops[1]
        assert hop.name == f"float32 {title}" and hop.worst_difference < 1e-3
        done = subprocess.run(
            [sys.executable, str(delivered.bundle.root / "selfcheck.py")],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("row", bases.BASES.values(), ids=lambda row: row.name)
def test_parameters_are_those_of_the_network(row):
    keras3.begin(1)
    assert getattr(keras3.keras.applications, row.builder)(weights=None).count_params() == row.parameters
