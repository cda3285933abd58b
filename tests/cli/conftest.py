"""Copies of the shared run to use commands on."""

import shutil
from pathlib import Path

import pytest

from edgetl.pipeline.build import Built


@pytest.fixture
def run_folder(built: Built, tmp_path: Path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(built.run, tmp_path / "copied"))


@pytest.fixture
def run_folder_both(built_both: Built, tmp_path: Path) -> Path:
    """A copy of the shared run for TFLite and ONNX."""
    return Path(shutil.copytree(built_both.run, tmp_path / "both"))
