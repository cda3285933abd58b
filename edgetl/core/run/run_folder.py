"""A run folder: complete stages with their fingerprints, for one build at a time.

A stage writes into a temporary folder beside its final folder. Its `<stage>.json` is written last, and then the folder
is renamed. A folder with the name of a stage is therefore complete, even if the program was killed.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Generic, TypeVar

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.record import Record
from edgetl.core.run import earlier_results
from edgetl.core.run.lock import LOCK_FILE, Wait, acquire_lock, open_lock
from edgetl.core.run.stage_cost import measure_cost
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
        outdates: glob of the finished stages that must not be used any more when this one has new files. They are set
            aside under another name; "" for none.
    """

    name: str
    record: type[R]
    title: str = ""
    reuse: bool = True
    outdates: str = ""


@dataclass(frozen=True, slots=True)
class FinishedStage(Generic[R]):
    """The record of a finished stage, and the duration of its run, seconds."""

    record: R
    seconds: float


class RunFolder:
    """A run folder, from `open_run` or `open_finished_run`.

    Attributes:
        root: the folder, absolute.
        output: the folder for new results: `root`, or a temporary one where `root` cannot be written.
        seconds: name of a stage → its duration in this process; 0 for a stage that was read back.
    """

    def __init__(self, root: Path, output: Path | None = None) -> None:
        self.root = root
        self.output = output or root
        self.seconds: dict[str, float] = {}

    def read(self, spec: StageSpec[R], fingerprint: str) -> FinishedStage[R] | None:
        """Read a finished stage back; None if there is none with this fingerprint, or its files were changed."""
        for folder in dict.fromkeys((self.root, self.output)):
            finished = read_finished_stage(folder / spec.name, spec.record, fingerprint)
            if finished is not None:
                # A stage that ran in this process and is then read back keeps its duration.
                self.seconds.setdefault(spec.name, 0.0)
                return finished
        return None

    def stage(
        self,
        spec: StageSpec[R],
        fingerprint: str,
        make: Callable[[Path], R],
        describe: Callable[[], Mapping[str, object]] = dict,
    ) -> FinishedStage[R]:
        """Read a stage back if its fingerprint matches and its files are unchanged, or run it.

        Args:
            spec: specification of the stage.
            fingerprint: hash of what affects the result, from `fingerprint.compute_fingerprint`.
            make: writes files into the folder that is its argument, and returns a record with paths in that folder.
            describe: returns what the fingerprint was computed from, kept to explain a later difference: see
                `stage_origin.describe_origin`.

        Raises:
            EdgetlError: the record does not describe the files that were written.
        """
        folder = self.output / spec.name
        finished = self.read(spec, fingerprint) if spec.reuse else None
        if finished is not None:
            return finished
        work = self.output / f".{spec.name}.tmp"
        remove_entry(work)
        work.mkdir()
        try:
            with measure_cost() as cost:
                record = make(work)
            write_json(
                work / stage_file_name(spec.name),
                {
                    "fingerprint": fingerprint,
                    **asdict(cost),
                    "record": record.to_json(work),
                    "origin": dict(describe()),
                },
            )
            _flush(work)
            # Before the new files are there: a program that is killed in between leaves no result of the old ones.
            if spec.outdates and _has_other_files(folder, record):
                earlier_results.set_aside(self.output, spec.outdates, f"{spec.name} was made again with another result")
            _replace(work, folder)
            earlier_results.remove_earlier(folder)
        finally:
            # A failure leaves no folder. The error is not stored, so the next build tries again.
            remove_entry(work)
        # Read back, so that a new result and a stored one are the same record with the same absolute paths.
        finished = read_finished_stage(folder, spec.record, fingerprint)
        if finished is None:
            raise EdgetlError(f"the files of stage {spec.name} changed while they were written", where=(folder,))
        self.seconds[spec.name] = cost.seconds
        return finished


@contextmanager
def open_run(root: Path, wait: Wait | None = None) -> Iterator[RunFolder]:
    """Open a run folder for this process only. Create it if it does not exist.

    Args:
        root: the folder.
        wait: called once with a sentence before waiting for another process that uses the folder; None refuses to wait.

    Raises:
        ConfigError: another build uses the folder, it contains other files, it is a file, or its lock is no file.
    """
    root = root.absolute()
    if root.exists() and not root.is_dir():
        raise ConfigError("the run folder is a file", where=(root,), hint="choose another with --out")
    if root.is_dir() and any(root.iterdir()) and not (root / LOCK_FILE).exists():
        raise ConfigError(
            "the folder contains files that edgetl did not write",
            where=(root,),
            hint="choose an empty or a new folder with --out",
        )
    root.mkdir(parents=True, exist_ok=True)
    with open_for_appending(root / LOCK_FILE) as lock:
        acquire_lock(lock, root, wait)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        # Only the holder of the lock may remove unfinished folders: they can belong to a build that is still running.
        for leftover in root.glob(UNFINISHED):
            remove_entry(leftover)
        yield RunFolder(root)


@contextmanager
def open_finished_run(root: Path, wait: Wait) -> Iterator[RunFolder]:
    """Open a run folder that exists. New results are written into a temporary folder where it cannot be written.

    Args:
        root: the folder.
        wait: called once with a sentence before waiting for another process that uses the folder.

    Raises:
        ConfigError: this process uses the folder already.
    """
    # False too for the superuser on a disk that is mounted to be read only.
    if os.access(root, os.W_OK | os.X_OK):
        with open_run(root, wait) as run:
            yield run
        return
    root = root.absolute()
    try:
        lock = open_lock(root)
    # A copy of a run folder may lack it, and another user's may be secret. A finished run is read without it.
    except OSError:
        yield RunFolder(root, Path(mkdtemp(prefix="edgetl-results-")))
        return
    with lock:
        # Others may read at the same time; a build by its owner may not run.
        acquire_lock(lock, root, wait, shared=True)
        yield RunFolder(root, Path(mkdtemp(prefix="edgetl-results-")))


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


def _has_other_files(folder: Path, record: Record) -> bool:
    """Check whether a finished stage of any fingerprint has files with other contents than those of a record."""
    finished = read_finished_stage(folder, type(record))
    if finished is None:
        return True
    return sorted(finished.record.contents().values()) != sorted(record.contents().values())


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
