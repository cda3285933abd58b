"""The same model here and on emulated boards: what their answers may differ by, and that each board proves itself."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ANSWERS = Path(__file__).with_name("answers.py")
WITH_WHEELS = "PYTHONPATH=/opt/site"


@pytest.fixture(scope="module")
def board(request, answering):
    with answering(request.param) as board:
        board.copy(ANSWERS)
        yield board


# What the answers may differ by: a step of an int8 output, which onnxruntime gives in numbers already, or the last
# places of a float. "reference" is compared where answers.py gives it: whole numbers must be the same there.
STEP, ONNX_STEP, LAST_PLACES = 1, 1 / 256, 1e-4
BUNDLES = {
    "tflite-int8": ("raspberry-pi-4", "int8", STEP),
    "onnx-int8": ("onnx", "int8", ONNX_STEP),
    "tflite-float32": ("raspberry-pi-4", "float32", LAST_PLACES),
    "onnx-float32": ("onnx", "float32", LAST_PLACES),
}
QUICK = {("bookworm", "tflite-int8"), ("trixie", "tflite-int8"), ("trixie", "onnx-int8")}
CASES = [
    pytest.param(board, *case, id=f"{board}-{name}", marks=() if (board, name) in QUICK else pytest.mark.slow)
    for board in ("bookworm", "trixie")
    for name, case in BUNDLES.items()
]


def answers_here(bundle: Path) -> dict:
    done = subprocess.run([sys.executable, str(ANSWERS), str(bundle)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def answers_there(board, bundle: Path, name: str, python: str = f"{WITH_WHEELS} python3") -> dict:
    board.ssh(f"mkdir {name}")
    board.copy(bundle, into=name)
    done = board.ssh(f"{python} answers.py {name}/{bundle.name}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def largest(found: list, expected: list) -> float:
    return float(np.max(np.abs(np.array(found, np.float64) - np.array(expected, np.float64))))


@pytest.mark.parametrize("board", ["bookworm"], indirect=True)
def test_it_names_photos(board, built_for):
    bundle = built_for("raspberry-pi-4", "int8").bundle.root
    board.ssh("mkdir named")
    board.copy(bundle, into="named")
    there = board.ssh(f"cd named; {WITH_WHEELS} python3 {bundle.name}/classify.py --json {bundle.name}/golden")
    assert there.returncode == 0 and "warning" not in there.stderr
    named = [json.loads(line) for line in there.stdout.splitlines()]
    # A golden photo's file is named after what it shows.
    right = [one["labels"][0]["label"] in Path(one["photo"]).name for one in named]
    assert len(named) >= 3 and all(right)


@pytest.mark.parametrize(("board", "target", "method", "difference"), CASES, indirect=["board"])
def test_the_board_answers_as_this_machine_does(board, built_for, target, method, difference):
    bundle = built_for(target, method).bundle.root
    name = f"{target}-{method}"
    here, there = answers_here(bundle), answers_there(board, bundle, name)
    assert len(there["bundled"]) == len(here["bundled"]) >= 3
    assert there["accelerated"] is True and here["accelerated"] is True
    assert largest(there["bundled"], here["bundled"]) <= difference
    assert np.argmax(there["bundled"], 1).tolist() == np.argmax(here["bundled"], 1).tolist()
    assert set(there) == set(here)
    if "reference" in here:
        assert largest(there["reference"], here["reference"]) <= (0 if difference == STEP else difference)
    # The answers tell classes apart: a model that says the same of every photo would agree with itself anywhere.
    assert len(set(np.argmax(here["bundled"], 1).tolist())) > 1

    checked = board.ssh(f"{WITH_WHEELS} python3 {name}/{bundle.name}/selfcheck.py --json")
    found = json.loads(checked.stdout)
    assert checked.returncode == 0 and found["ok"] is True, checked.stdout
    assert found["versions"]["machine"] == "aarch64"
