"""Runtimes of all formats, without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.formats import FORMATS
from edgetl.pipeline.usage.runtimes import INSPECTORS, RUNTIMES


def test_every_format_has_a_runtime_and_an_inspector():
    assert set(RUNTIMES) == set(INSPECTORS) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_runtime_and_inspector_load_no_tensorflow(name):
    code = (
        f"import sys, edgetl.engines.{name}.runtime, edgetl.engines.{name}.inspect\n"
        "sys.exit(any(heavy in sys.modules for heavy in ('tensorflow', 'keras', 'tf2onnx')))"
    )
    project = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=project, check=False).returncode == 0
