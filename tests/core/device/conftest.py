"""A folder with two small targets, for tests of targets, their search and their payload."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError


@dataclass(frozen=True)
class TargetsFolder:
    """A folder of targets, with the texts of a parent and a child that extends it."""

    root: Path
    parent: str = """
schema = 1
title = "Parent"
summary = "for tests"
[accepts]
formats = ["tflite"]
methods = ["int8", "float32"]
[limits]
accuracy_drop = 0.02
model_bytes = 1000
[runtime]
python = ">=3.10,<3.14"
[runtime.packages]
any = ["numpy>=2"]
aarch64 = ["ai-edge-litert>=2.1,<3"]
[payload]
files = ["demo.py", "common/shared.py"]
"""
    child: str = """
schema = 1
extends = "parent"
title = "Child"
summary = "for tests"
[device]
arch = ["aarch64"]
cpu = "Cortex-A76"
cores = 4
clock_hz = 2_400_000_000
ram_bytes = 8_000_000_000
[accepts]
methods = ["float32"]
[limits]
model_bytes = 500
[runtime.packages]
x86_64 = ["ai-edge-litert>=2.3"]
"""

    def write(self, name: str, text: str, *, root: Path | None = None) -> Path:
        """Write the target.toml of a target, in this folder or in another."""
        path = (root or self.root) / name / "target.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def list_payload(self, name: str, *extra_dirs: Path) -> dict[str, Path]:
        """Load a target and map the names of its payload files to their paths."""
        return {file.name: file.path for file in targets.find_target(name, [*extra_dirs, self.root]).payload}

    def get_error(self, name: str) -> ConfigError:
        """Load a target that is invalid and return the error."""
        with pytest.raises(ConfigError) as error:
            targets.find_target(name, [self.root])
        return error.value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TargetsFolder:
    """Targets "parent" and "child" with the payload of the former. Only --target-dir leads to them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGETL_TARGETS", raising=False)
    folder = TargetsFolder(tmp_path / "mine")
    folder.write("parent", folder.parent)
    folder.write("child", folder.child)
    (folder.root / "parent" / "demo.py").write_text("demo")
    (folder.root / "common").mkdir()
    (folder.root / "common" / "shared.py").write_text("shared")
    return folder
