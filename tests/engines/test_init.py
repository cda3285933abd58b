"""Importing edgetl.engines sets the environment of the libraries, and keeps what the user has set."""

import subprocess
import sys

import pytest

DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_DETERMINISTIC_OPS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, DEFAULTS),
        ({"KERAS_BACKEND": "jax"}, DEFAULTS | {"KERAS_BACKEND": "jax"}),
    ],
    ids=["defaults", "a value of the user is kept"],
)
def test_environment_of_the_libraries(environment, expected):
    code = f"import edgetl.engines, os; print(*(os.environ[name] for name in {list(DEFAULTS)}))"
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert child.stdout.split() == list(expected.values())
