"""Every base at its smallest side, from random weights: trained, made int8 in both formats, judged, bundled, checked.

Random weights say nothing of accuracy; what is held here is that every graph goes the whole way in integers.
"""

import os
import subprocess
import sys

import pytest

from edgetl.core.formats import FORMATS
from edgetl.core.network import base_table
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.records import Artifact, Bundle, Trained
from edgetl.core.run import run_folder
from edgetl.core.verdict_records import Verdict
from edgetl.engines.keras import model as keras_model

QUICK = ("mobilenet_v2",)


def flags(row: base_table.BaseNetwork) -> recipe.Tables:
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
    [pytest.param(row, marks=() if row.name in QUICK else pytest.mark.slow) for row in base_table.BASES.values()],
    ids=lambda row: row.name,
)
def test_it_goes_the_whole_way(row, draw_photos, edgetl, tmp_path):
    photos, root = draw_photos(tmp_path / "shapes", range(12)), tmp_path / "run"
    told = tmp_path / "quick.toml"
    told.write_text(recipe.format_recipe(recipe.resolve_recipe("default", flags(row))), encoding="utf-8")
    # In a process of its own: what TensorFlow takes for a network it does not give back, and 21 are too much.
    command = edgetl.command(
        "build", photos, "--recipe", told, "--method", "int8", "--target", "tflite", "--target", "onnx", "--out", root
    )
    done = subprocess.run(command, capture_output=True, text=True, env=edgetl.environment(), check=False)
    # From random weights the contract may be broken, and nothing else.
    assert done.returncode in (0, 1), done.stderr
    assert [phase.name for phase in kept(root / "train", Trained).phases] == ["head", "fine_tune"]
    artifact = kept(root / "convert-tflite-int8", Artifact)
    assert (artifact.method, artifact.input.dtype, artifact.output.dtype) == ("int8", "uint8", "uint8")
    assert (artifact.input.scale, artifact.input.zero_point) == (1.0, 0)
    assert "float32" not in artifact.tensor_dtypes
    artifact = kept(root / "convert-onnx-int8", Artifact)
    assert (artifact.method, artifact.input.dtype, artifact.output.dtype) == ("int8", "uint8", "float32")
    for form in FORMATS.values():
        hop = kept(root / f"verify-{form.name}-int8-test", Verdict).hops[1]
        assert hop.name == f"float32 {form.title}" and hop.worst_difference < 1e-3
        check = kept(root / f"bundle-{form.name}", Bundle).root / "selfcheck.py"
        done = subprocess.run(
            [sys.executable, str(check)],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def kept(folder, kind):
    """The record of a stage in a run folder."""
    done = run_folder.read_finished_stage(folder, kind)
    assert done is not None, f"nothing in {folder}"
    return done.record


@pytest.mark.slow
@pytest.mark.parametrize("row", base_table.BASES.values(), ids=lambda row: row.name)
def test_parameters_are_those_of_the_network(row):
    keras_model.reset_keras(1)
    assert getattr(keras_model.keras.applications, row.builder)(weights=None).count_params() == row.parameters
