"""The same model on the host and on emulated boards: their outputs agree, and each board passes its self-check."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("predict_golden.py")
WITH_WHEELS = "PYTHONPATH=/opt/site"

# Largest accepted difference of outputs: one step of an int8 output, which onnxruntime outputs as a real number, or a
# rounding error of a float. The reference kernels, where predict_golden.py runs them, must give equal integers.
ONE_STEP, ONE_DEQUANTIZED_STEP, FLOAT_ROUNDING = 1, 1 / 256, 1e-4
BUNDLES = {
    "tflite-int8": ("raspberry-pi-4", "int8", ONE_STEP),
    "onnx-int8": ("onnx", "int8", ONE_DEQUANTIZED_STEP),
    "tflite-float32": ("raspberry-pi-4", "float32", FLOAT_ROUNDING),
    "onnx-float32": ("onnx", "float32", FLOAT_ROUNDING),
}
QUICK = {("bookworm", "tflite-int8")}
CASES = [
    pytest.param(board, *case, id=f"{board}-{name}", marks=() if (board, name) in QUICK else pytest.mark.slow)
    for board in ("bookworm", "trixie")
    for name, case in BUNDLES.items()
]


def predict_here(bundle: Path) -> dict:
    line = [sys.executable, str(PROGRAM), str(bundle)]
    completed = subprocess.run(line, capture_output=True, text=True, check=True)
    return json.loads(completed.stdout)


def predict_on(board, bundle: Path) -> dict:
    """Copy a bundle into the home folder of a board and predict its golden photos there."""
    board.copy(bundle, PROGRAM)
    completed = board.ssh(f"{WITH_WHEELS} python3 {PROGRAM.name} {bundle.name}")
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def compute_largest_difference(outputs: list, expected: list) -> float:
    return float(np.max(np.abs(np.array(outputs, np.float64) - np.array(expected, np.float64))))


def test_board_classifies_the_golden_photos(board, built_for):
    bundle = built_for("raspberry-pi-4", "int8").targets[0].bundle.root
    bookworm = board("bookworm")
    bookworm.copy(bundle)
    completed = bookworm.ssh(f"{WITH_WHEELS} python3 {bundle.name}/classify.py --json {bundle.name}/golden")
    assert completed.returncode == 0 and "warning" not in completed.stderr
    photos = [json.loads(line) for line in completed.stdout.splitlines()]
    # The name of a golden photo contains its label.
    right = [photo["labels"][0]["label"] in Path(photo["photo"]).name for photo in photos]
    assert len(photos) >= 3 and all(right)


@pytest.mark.parametrize(("name", "target", "method", "tolerance"), CASES)
def test_outputs_on_the_board_are_those_of_the_host(board, built_for, name, target, method, tolerance):
    bundle = built_for(target, method).targets[0].bundle.root
    device = board(name)
    here, there = predict_here(bundle), predict_on(device, bundle)
    assert len(there["bundled"]) == len(here["bundled"]) >= 3
    assert there["accelerated"] is True and here["accelerated"] is True
    assert compute_largest_difference(there["bundled"], here["bundled"]) <= tolerance
    assert np.argmax(there["bundled"], 1).tolist() == np.argmax(here["bundled"], 1).tolist()
    assert set(there) == set(here)
    if "reference" in here:
        exact = 0 if tolerance == ONE_STEP else tolerance
        assert compute_largest_difference(there["reference"], here["reference"]) <= exact
    # A model that predicts the same class for every photo would agree with itself anywhere.
    assert len(set(np.argmax(here["bundled"], 1).tolist())) > 1

    completed = device.ssh(f"{WITH_WHEELS} python3 {bundle.name}/selfcheck.py --json")
    report = json.loads(completed.stdout)
    assert completed.returncode == 0 and report["ok"] is True, completed.stdout
    assert report["versions"]["machine"] == "aarch64"
