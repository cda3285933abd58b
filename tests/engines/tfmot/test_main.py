"""tfmot.py: the child's program, from a folder to a folder, as its parent starts it."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def child(edgetl, tmp_path):
    """Runs the program on two folders; gives its exit code and what it told."""

    def run(given):
        command = [sys.executable, "-m", "edgetl.engines.tfmot", str(given), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, env=edgetl.environment(), check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    return run


def test_without_a_job_it_dies_with_a_traceback(child, tmp_path):
    code, told, stderr = child(tmp_path)
    assert code == 1 and told == [] and stderr.strip().splitlines()[-1].startswith("FileNotFoundError")


def test_what_is_told_goes_to_the_parent_alone(legacy):
    """Whatever else is written to stdout must not get between the lines."""
    code = (
        "import sys\\n"
        "from edgetl.engines.tfmot.__main__ import _Telling\\n"
        "tell = _Telling()\\n"
        "print('noise')\\n"
        "tell.watch.begin('qat', 3)\\n"
        "tell.watch.step(2, 'loss 1')\\n"
    )
    found = legacy(f"""
import subprocess, sys
done = subprocess.run([sys.executable, "-c", "{code}"], capture_output=True, text=True)
result = [done.stdout, "noise" in done.stderr]
""")
    assert [json.loads(line) for line in found[0].splitlines()] == [{"begin": ["qat", 3]}, {"step": [2, "loss 1"]}]
    assert found[1]


def test_the_note_says_when_it_did_not_help(legacy):
    found = legacy("""
from edgetl.engines.tfmot.__main__ import _note
from edgetl.engines.tfmot.fit import FitResult
def note(start, accuracy, best):
    return _note(FitResult(start_accuracy=start, accuracy=accuracy, best_epoch=best, epochs=4))
result = [note(0.8, 0.8, 0), note(0.8, 0.7, 3), note(0.8, 0.9, 3)]
""")
    assert found[0] == "no epoch was better on the validation photos than the start, which is kept"
    assert found[1] == "the best epoch answers fewer validation photos right than the start" and found[2] == ""
