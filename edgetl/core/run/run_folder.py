"""A run folder: finished stages with their fingerprints, nothing half-written, one build at a time.

A stage writes into a temporary folder beside its final one. Its `<stage>.json` is written last, and then the folder is
renamed. Whatever kills the program, a folder with a stage's own name is complete.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.record import Record
from edgetl.core.storage.files import UNFINISHED, hash_file, write_json

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSpec(Generic[R]):
    """How a stage is kept and shown.

    Attributes:
        name: its folder in the run; the part before the first "-" names its JSON file.
        record: the type of its record.
        title: shown while it runs; a stage without a title runs silently.
        reuse: whether a finished stage with the same fingerprint is read back instead of made again.
    """

    name: str
    record: type[R]
    title: str = ""
    reuse: bool = True


@dataclass(frozen=True, slots=True)
class FinishedStage(Generic[R]):
    """The record of a finished stage, and the seconds that it took when it was made."""

    record: R
    seconds: float


class RunFolder:
    """A locked run folder, from `open_run`.

    Attributes:
        root: the folder, absolute.
        seconds: stage name → seconds that it took in this process; 0 for a stage that was read back.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seconds: dict[str, float] = {}

    def stage(self, spec: StageSpec[R], fingerprint: str, make: Callable[[Path], R]) -> FinishedStage[R]:
        """Read a stage back if its fingerprint matches and its files are unchanged, else make it.

        Args:
            spec: the stage's name, which is its folder, and the type of its record.
            fingerprint: what the result depends on, from `fingerprint.compute_fingerprint`.
            make: writes files into the folder that it is given; returns a record whose paths are inside that folder.
        """
        folder = self.root / spec.name
        kept = read_finished_stage(folder, spec.record, fingerprint) if spec.reuse else None
        if kept is not None:
            # A stage that is made and later read back has still taken its time.
            self.seconds.setdefault(spec.name, 0.0)
            return kept
        start = time.monotonic()
        work = self.root / f".{spec.name}.tmp"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            record = make(work)
            seconds = round(time.monotonic() - start, 3)
            write_json(
                work / stage_file_name(spec.name),
                {"fingerprint": fingerprint, "seconds": seconds, "record": record.to_json(work)},
            )
            _flush(work)
            _replace(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        made = read_finished_stage(folder, spec.record, fingerprint)
        if made is None:
            raise EdgetlError(f"the files of stage {spec.name} changed while they were written", where=(folder,))
        self.seconds[spec.name] = seconds
        return made


@contextmanager
def open_run(root: Path) -> Iterator[RunFolder]:
    """Open a run folder for this process alone; create it if it does not exist.

    Raises:
        ConfigError: another build uses it, or the folder holds other files.
    """
    root = root.absolute()
    if root.exists() and not root.is_dir():
        raise ConfigError("the run folder is a file", where=(root,), hint="choose another with --out")
    if root.is_dir() and any(root.iterdir()) and not (root / ".lock").exists():
        raise ConfigError(
            "the folder holds files that no run of edgetl wrote",
            where=(root,),
            hint="choose an empty or a new folder with --out",
        )
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise ConfigError(
                f"another build (process {holder}) uses this run folder",
                where=(root,),
                hint="wait for it, or choose another folder with --out",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        for leftover in root.glob(UNFINISHED):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        yield RunFolder(root)


def read_finished_stage(folder: Path, kind: type[R], fingerprint: str = "") -> FinishedStage[R] | None:
    """Read the finished stage in `folder`; None if there is none, its fingerprint differs, or a file was changed.

    Args:
        folder: holds the stage's JSON file.
        kind: type of the record.
        fingerprint: the expected one; "" accepts any.
    """
    path = folder / stage_file_name(folder.name)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        record = kind.from_json(kept["record"], folder)
        matches = fingerprint in ("", kept["fingerprint"])
        seconds = float(kept["seconds"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        # Absent, written by an older version, or edited by hand: making the stage again is right in each case.
        return None
    return FinishedStage(record, seconds) if matches and _is_intact(record) else None


def stage_file_name(stage: str) -> str:
    """Name the file that a stage writes last: "convert-tflite-int8" ends with convert.json."""
    return f"{stage.partition('-')[0]}.json"


def make_folder_name(*parts: object) -> str:
    """Join words of a user to a folder name of letters, digits, dot, dash and underscore."""
    joined = "-".join(str(part) for part in parts)
    return re.sub(r"[^\w.-]+", "_", joined).strip("._-") or "run"


def _is_intact(record: Record) -> bool:
    """Check that every file of the record still has the sha256 that the record states."""
    return all(path.is_file() and hash_file(path) == expected for path, expected in record.contents().items())


def _flush(folder: Path) -> None:
    """Write every file through to the disk, so that a power cut after the rename finds them complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _replace(work: Path, folder: Path) -> None:
    """Rename `work` to `folder`. The old folder is renamed first: a folder cannot be renamed over a full one."""
    aside = folder.parent / f".{folder.name}.old.tmp"
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    work.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)
