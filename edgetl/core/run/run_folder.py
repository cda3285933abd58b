"""A run folder: complete stages with their fingerprints, for one build at a time.

A stage writes into a temporary folder beside its final folder. Its `<stage>.json` is written last, and then the folder
is renamed. A folder with the name of a stage is therefore complete, even if the program was killed.
"""

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.record import Record
from edgetl.core.storage.files import UNFINISHED, hash_file, parse_json, write_json
from edgetl.core.storage.regular_files import (
    LARGEST_RECORD_BYTES,
    is_inside,
    open_for_appending,
    read_regular,
    remove_entry,
)

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSpec(Generic[R]):
    """Specification of a stage in a run.

    Attributes:
        name: name of its folder; the part before the first "-" is the name of its JSON file.
        record: type of its record.
        title: shown while it runs; a stage without a title shows nothing.
        reuse: whether a finished stage with the same fingerprint is read back instead of run again.
    """

    name: str
    record: type[R]
    title: str = ""
    reuse: bool = True


@dataclass(frozen=True, slots=True)
class FinishedStage(Generic[R]):
    """The record of a finished stage, and the duration of its run, seconds."""

    record: R
    seconds: float


class RunFolder:
    """A locked run folder, from `open_run`.

    Attributes:
        root: the folder, absolute.
        seconds: name of a stage → its duration in this process; 0 for a stage that was read back.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seconds: dict[str, float] = {}

    def stage(self, spec: StageSpec[R], fingerprint: str, make: Callable[[Path], R]) -> FinishedStage[R]:
        """Read a stage back if its fingerprint matches and its files are unchanged, or run it.

        Args:
            spec: specification of the stage.
            fingerprint: hash of what affects the result, from `fingerprint.compute_fingerprint`.
            make: writes files into the folder that is its argument, and returns a record with paths in that folder.

        Raises:
            EdgetlError: the record does not describe the files that were written.
        """
        folder = self.root / spec.name
        finished = read_finished_stage(folder, spec.record, fingerprint) if spec.reuse else None
        if finished is not None:
            # A stage that ran in this process and is then read back keeps its duration.
            self.seconds.setdefault(spec.name, 0.0)
            return finished
        start = time.monotonic()
        work = self.root / f".{spec.name}.tmp"
        remove_entry(work)
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
            # A failure leaves no folder. The error is not stored, so the next build tries again.
            remove_entry(work)
        # Read back, so that a new result and a stored one are the same record with the same absolute paths.
        finished = read_finished_stage(folder, spec.record, fingerprint)
        if finished is None:
            raise EdgetlError(f"the files of stage {spec.name} changed while they were written", where=(folder,))
        self.seconds[spec.name] = seconds
        return finished


@contextmanager
def open_run(root: Path) -> Iterator[RunFolder]:
    """Open a run folder for this process only. Create it if it does not exist.

    Raises:
        ConfigError: another build uses the folder, it contains other files, it is a file, or its lock is no file.
    """
    root = root.absolute()
    if root.exists() and not root.is_dir():
        raise ConfigError("the run folder is a file", where=(root,), hint="choose another with --out")
    if root.is_dir() and any(root.iterdir()) and not (root / ".lock").exists():
        raise ConfigError(
            "the folder contains files that edgetl did not write",
            where=(root,),
            hint="choose an empty or a new folder with --out",
        )
    root.mkdir(parents=True, exist_ok=True)
    with open_for_appending(root / ".lock") as lock:
        try:
            # The kernel releases this lock when the process ends, even if it is killed.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # POSIX allows both codes for a locked file.
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            lock.seek(0)
            # A number. The file may have been sent by somebody and be of any size.
            holder = lock.read(20).strip() or "unknown"
            raise ConfigError(
                f"another build (process {holder}) uses this run folder",
                where=(root,),
                hint="wait for it, or choose another folder with --out",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        # Only the holder of the lock may remove unfinished folders: they can belong to a build that is still running.
        for leftover in root.glob(UNFINISHED):
            remove_entry(leftover)
        yield RunFolder(root)


def read_finished_stage(folder: Path, kind: type[R], fingerprint: str = "") -> FinishedStage[R] | None:
    """Read a finished stage. Return None if there is none, its fingerprint differs, or one of its files was changed.

    Args:
        folder: folder of the stage.
        kind: type of its record.
        fingerprint: the expected fingerprint; "" accepts all.
    """
    path = folder / stage_file_name(folder.name)
    try:
        # A link would make files outside of the run folder a part of the run.
        if folder.is_symlink():
            return None
        content = parse_json(read_regular(path, LARGEST_RECORD_BYTES, follow_links=False))
        record = kind.from_json(content["record"], folder)
        matches = fingerprint in ("", content["fingerprint"])
        seconds = float(content["seconds"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        # The file is absent, of an older version, or edited by hand. In each case the stage must run again.
        return None
    return FinishedStage(record, seconds) if matches and _is_intact(record, folder) else None


def stage_file_name(stage: str) -> str:
    """Return the name of the file that a stage writes last: convert.json for "convert-tflite-int8"."""
    return f"{stage.partition('-')[0]}.json"


def make_folder_name(*parts: object) -> str:
    """Join words of the user into a folder name of letters, digits, dot, dash and underscore."""
    joined = "-".join(str(part) for part in parts)
    # A leading dot would hide the folder, and names such as ".." would leave the parent folder.
    return re.sub(r"[^\w.-]+", "_", joined).strip("._-") or "run"


def _is_intact(record: Record, folder: Path) -> bool:
    """Check that every file of the record is inside its folder, no link, and still has the sha256 in the record."""
    try:
        return all(
            is_inside(path, folder) and hash_file(path) == expected for path, expected in record.contents().items()
        )
    except OSError:
        return False


def _flush(folder: Path) -> None:
    """Write every file through to the disk. After the rename, a power failure must not leave truncated files."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _replace(work: Path, folder: Path) -> None:
    """Rename `work` to `folder`. The old folder is renamed first: a folder cannot replace one that is not empty."""
    aside = folder.parent / f".{folder.name}.old.tmp"
    remove_entry(aside)
    # A link is renamed as it is. So is a file, which somebody else has put there.
    if os.path.lexists(folder):
        folder.rename(aside)
    work.rename(folder)
    remove_entry(aside)
