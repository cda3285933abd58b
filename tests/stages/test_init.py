"""stages/__init__.py: every stage is there when asked for, and none before."""

import subprocess
import sys

import pytest

from edgetl import stages


@pytest.mark.parametrize("name", ["bundle", "ingest", "verify"])
def test_a_stage_is_imported_on_first_use(name):
    assert getattr(stages, name).__name__ == f"edgetl.stages.{name}"


def test_no_other_name():
    with pytest.raises(AttributeError, match="trian"):
        _ = stages.trian


def test_importing_the_room_imports_no_stage():
    code = "import sys, edgetl.stages; print([name for name in sys.modules if name.startswith('edgetl.stages.')])"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"
