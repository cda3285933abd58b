"""workspace.py: a stage receives a folder and a console, and cannot exchange them."""

import dataclasses
import io

import pytest

from edgetl.core.console import Console
from edgetl.core.run.workspace import Workspace


def test_workspace_is_frozen(tmp_path):
    workspace = Workspace(tmp_path, Console(stream=io.StringIO()))
    assert workspace.folder == tmp_path
    with pytest.raises(dataclasses.FrozenInstanceError):
        workspace.folder = tmp_path / "other"
