"""Finished stages of a run folder as plain data, to be sent to the run folder of another machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetl.core.errors import StageError
from edgetl.core.run.run_folder import stage_file_name
from edgetl.core.storage.files import create_folder
from edgetl.core.storage.regular_files import read_regular, remove_entry

# Path inside the folder of a stage, posix → content.
StageFiles = Mapping[str, bytes]
# Largest file of a stage: that of model files, because the model is the largest.
_LARGEST_BYTES = 2 * 1024**3


@dataclass(frozen=True, kw_only=True, slots=True)
class StagesOutcome:
    """What a machine has made: the stages that are finished, and why the others are not; "" if all are."""

    stages: Mapping[str, StageFiles]
    reason: str = ""


def pack_stages(root: Path) -> dict[str, dict[str, bytes]]:
    """Read the finished stages of a run folder: name of the stage → its files.

    Raises:
        OSError: a file cannot be read, or is too large.
    """
    # The names of unfinished folders begin with a dot.
    stages = [
        path for path in sorted(root.iterdir()) if path.is_dir() and (path / stage_file_name(path.name)).is_file()
    ]
    return {stage.name: _read_files(stage) for stage in stages if not stage.name.startswith(".")}


def unpack_stages(root: Path, stages: Mapping[str, StageFiles]) -> None:
    """Write stages into a run folder. Each appears whole, and replaces one of its name.

    Args:
        root: the run folder, locked by this process.
        stages: from `pack_stages`.

    Raises:
        StageError: a name leads out of the folder.
        OSError: the disk is full.
    """
    for name, contents in stages.items():
        _check_name(name, parts=1)
        remove_entry(root / name)
        with create_folder(root / name) as unfinished:
            for path, content in contents.items():
                _check_name(path)
                (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
                (unfinished / path).write_bytes(content)


def _read_files(stage: Path) -> dict[str, bytes]:
    files = sorted(path for path in stage.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(stage).as_posix(): read_regular(path, _LARGEST_BYTES, follow_links=False) for path in files
    }


def _check_name(name: str, parts: int = 0) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or (parts and len(path.parts) != parts):
        raise StageError("a result of another machine has a name that leads out of its folder", where=[repr(name)])
