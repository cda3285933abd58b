"""engines/__init__.py: what the foreign libraries find in their environment."""

import subprocess
import sys


def printed(environment):
    code = "import edgetl.engines, os; print(os.environ['KERAS_BACKEND'], os.environ['TF_DETERMINISTIC_OPS'])"
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return child.stdout.split()


def test_defaults_are_set_and_the_user_wins():
    assert printed({}) == ["tensorflow", "1"]
    assert printed({"KERAS_BACKEND": "jax"}) == ["jax", "1"]
