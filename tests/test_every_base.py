"""Every base at its smallest side, with random weights: trained, converted to int8 in both formats, judged, bundled.

With random weights accuracy has no meaning. These tests check that every network converts to integers completely.
"""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from edgetl.core.device import bundle_files
from edgetl.core.formats import FORMATS
from edgetl.core.network.base_table import BASES, BaseNetwork
from edgetl.core.recipe.resolve import format_recipe, resolve_recipe
from edgetl.core.recipe.tables import Tables
from edgetl.core.records import Artifact, Bundle, Trained
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.verdict_records import Verdict
from edgetl.engines.keras import model as keras_model


def make_flags(base: BaseNetwork) -> Tables:
    return {
        "base": {
            "name": base.name,
            "alpha": 0.25 if base.name == "mobilenet" else min(1.0, base.alphas[0]),
            "side_px": base.smallest_side_px,
            "weights": "none",
        },
        "augment": {"views": 1},
        "training": {"batch_size": 4, "batch_norm": "inference"},
        "phase1": {"epochs": 1},
        # Part of the base stays frozen, so that every base is split in two.
        "phase2": {"epochs": 1, "unfreeze": "0.2"},
        "convert": {"calibration_photos": 8},
    }


def read_record(folder, record_type):
    """Return the record of a finished stage in a run folder."""
    stage = read_finished_stage(folder, record_type)
    assert stage is not None, f"no finished stage in {folder}"
    return stage.record


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES.values(), ids=lambda base: base.name)
def test_base_is_trained_converted_and_bundled(base, draw_photos, edgetl, tmp_path):
    photos, root, recipe = draw_photos(tmp_path / "shapes", range(12)), tmp_path / "run", tmp_path / "quick.toml"
    recipe.write_text(format_recipe(resolve_recipe("default", make_flags(base))), encoding="utf-8")
    # In a child process: TensorFlow does not free the memory of a network, and 21 networks are too much.
    arguments = ("--recipe", recipe, "--method", "int8", "--target", "tflite", "--target", "onnx", "--out", root)
    # NASNetLarge took 756 s on two cores, beside another test.
    done = replace(edgetl, timeout_s=1800)("build", photos, *arguments)
    # With random weights the contract may be broken. Every other failure is an error.
    assert done.returncode in (0, 1), done.stderr
    assert [phase.name for phase in read_record(root / "train", Trained).phases] == ["head", "fine_tune"]
    tflite = read_record(root / "convert-tflite-int8", Artifact)
    assert (tflite.method, tflite.input.dtype, tflite.output.dtype) == ("int8", "uint8", "uint8")
    assert (tflite.input.scale, tflite.input.zero_point) == (1.0, 0)
    assert "float32" not in tflite.tensor_dtypes
    onnx = read_record(root / "convert-onnx-int8", Artifact)
    assert (onnx.method, onnx.input.dtype, onnx.output.dtype) == ("int8", "uint8", "float32")
    for row in FORMATS.values():
        hop = read_record(root / f"verify-{row.name}-int8-test", Verdict).hops[1]
        assert hop.name == f"float32 {row.title}" and hop.worst_difference < 1e-3
        program = read_record(root / f"bundle-{row.name}", Bundle).root / "selfcheck.py"
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(program)]
        check = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert check.returncode == 0, check.stdout + check.stderr
        closing = bundle_files.format_closing_line((program.parent / "SHA256SUMS").read_bytes())
        assert check.stdout.splitlines()[-1] == closing


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES.values(), ids=lambda base: base.name)
def test_number_of_parameters_is_that_of_the_network(base):
    keras_model.reset_keras(1)
    network = getattr(keras_model.keras.applications, base.builder)(weights=None)
    assert network.count_params() == base.parameters
