"""A run folder: finished stages with their fingerprints, nothing half-written, one build at a time.

In: a stage's name, what it depends on, and a function that writes into a folder. Out: the stage's record, made now or
read back. A stage works in a temporary sibling folder, its `<stage>.json` is written last, and the folder is renamed:
whatever kills the program, what stands under a stage's own name is whole.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.records import Record

R = TypeVar("R", bound=Record)

_SUFFIX = ".tmp"


@dataclass(frozen=True, slots=True)
class FinishedStage(Generic[R]):
    """A finished stage: its record, what it took, and whether it was made by this call."""

    record: R
    seconds: float
    fresh: bool


class RunFolder:
    """A locked run folder. Made by `opened`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seconds: dict[str, float] = {}
        # What each stage that was asked for took when it was made, by this call or an earlier one.
        self.took: dict[str, float] = {}
        self._again: tuple[str, ...] = ()
        self._made: set[str] = set()

    def make_again(self, *stages: str) -> None:
        """From here on, make stages of these kinds ("score", "verify") once more, whether or not they are there."""
        self._again, self._made = stages, set()

    def stage(
        self, name: str, depends_on: Mapping[str, object], make: Callable[[Path], R], kind: type[R]
    ) -> FinishedStage[R]:
        """The record of stage `name`: read back if its fingerprint still matches and its files are whole, else made.

        Args:
            name: the folder under the run, as in "convert-tflite-int8"; what stands before "-" names its JSON file.
            depends_on: JSON values the result depends on: recipe part, input sha256s, versions of the libraries.
            make: writes its files into the folder it is given and returns a record whose paths lie inside it.
            kind: the record's type.
        """
        fingerprint = compute_fingerprint(name, depends_on)
        folder = self.root / name
        kept = read_finished_stage(folder, kind, fingerprint)
        if kept is not None and (name in self._made or name.partition("-")[0] not in self._again):
            # A stage that is made and then asked for again has still taken its time.
            self.seconds.setdefault(name, 0.0)
            self.took.setdefault(name, kept.seconds)
            return kept
        start = time.monotonic()
        work = self.root / f".{name}{_SUFFIX}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            record = make(work)
            seconds = round(time.monotonic() - start, 3)
            write_json(
                work / stage_file_name(name),
                {"fingerprint": fingerprint, "seconds": seconds, "record": record.to_json(work)},
            )
            _flush(work)
            _replace(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        made = read_finished_stage(folder, kind, fingerprint)
        if made is None:
            raise EdgetlError(f"the files of stage {name} changed while they were written", where=(folder,))
        self.seconds[name] = self.took[name] = seconds
        self._made.add(name)
        return FinishedStage(made.record, seconds, fresh=True)


@contextmanager
def open_run(root: Path) -> Iterator[RunFolder]:
    """The run folder, made if need be, held by this process alone.

    Raises:
        ConfigError: another build works in it, or the folder holds something else.
    """
    root = root.absolute()
    if root.exists() and not root.is_dir():
        raise ConfigError("the run folder is a file", where=(root,), hint="choose another with --out")
    if root.is_dir() and any(root.iterdir()) and not (root / ".lock").exists():
        raise ConfigError(
            "the folder holds files that are no run of edgetl's",
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
                f"another build (process {holder}) works in this run folder",
                where=(root,),
                hint="wait for it, or choose another folder with --out",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        for leftover in root.glob(f".*{_SUFFIX}"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        yield RunFolder(root)


def read_finished_stage(folder: Path, kind: type[R], fingerprint: str = "") -> FinishedStage[R] | None:
    """The finished stage in `folder`, or None if there is none, it is of another fingerprint, or a file was changed.

    Args:
        folder: where the stage's JSON lies.
        kind: the record's type.
        fingerprint: what it must be of; empty takes any.
    """
    path = folder / stage_file_name(folder.name)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        record = kind.from_json(kept["record"], folder)
        matches = fingerprint in ("", kept["fingerprint"])
        seconds = float(kept["seconds"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        # Absent, of an older layout, or tampered with: in each case the stage is made anew, which is always right.
        return None
    return FinishedStage(record, seconds, fresh=False) if matches and _whole(record) else None


def stage_file_name(stage: str) -> str:
    """The file that is written last: the folder convert-tflite-int8 ends with convert.json."""
    return f"{stage.partition('-')[0]}.json"


def compute_fingerprint(name: str, depends_on: Mapping[str, object]) -> str:
    """The sha256 over a stage's name and everything its result depends on, this version of edgetl included."""
    value = {"stage": name, "edgetl": installed_version("edgetl"), **depends_on}
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def installed_version(package: str) -> str:
    """The installed version, "absent" where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def installed_versions(*packages: str) -> dict[str, str]:
    """What is installed of each package, for a fingerprint."""
    return {package: installed_version(package) for package in packages}


def hash_file(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *, hint: str) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConfigError: no such file, or not a JSON object; `hint` says what to give instead.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=(path,), hint=hint) from error
    if not isinstance(value, dict):
        raise ConfigError("not a JSON object", where=(path,), hint=hint)
    return value


def write_json(path: Path, value: object) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    work = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        work.write_text(text, encoding="utf-8")
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def make_folder_name(*parts: object) -> str:
    """A folder's name out of user words: letters, digits, dot, dash and underscore only."""
    joined = "-".join(str(part) for part in parts)
    return re.sub(r"[^\w.-]+", "_", joined).strip("._-") or "run"


def _whole(record: Record) -> bool:
    """Whether every file that the record describes still has the sha256 it was given."""
    return all(path.is_file() and hash_file(path) == expected for path, expected in record.contents().items())


def _flush(folder: Path) -> None:
    """Bring every file's bytes to the disk before the rename makes them count."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _replace(work: Path, folder: Path) -> None:
    """Rename `work` to `folder`. An old folder steps aside first: a folder cannot be renamed over a full one."""
    aside = folder.parent / f".{folder.name}.old{_SUFFIX}"
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    work.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)
