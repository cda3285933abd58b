"""The lock of a run folder. The kernel releases it when its process ends, even if it is killed."""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from edgetl.core.errors import ConfigError
from edgetl.core.interrupt import check_interrupt
from edgetl.core.storage.regular_files import open_regular

LOCK_FILE = ".lock"

Wait = Callable[[str], None]

# A number. Somebody may have sent the file, with any content.
_MOST_DIGITS = 20
_MOST_COMMAND_CHARACTERS = 80
# A person does not notice this pause, and a program that looks so often costs nothing.
_PAUSE_S = 0.2


def acquire_lock(lock: TextIO, root: Path, wait: Wait | None = None, *, shared: bool = False) -> None:
    """Lock a file until it is closed, for this process only or for all that read.

    Args:
        lock: the open file; a file that is open for reading can be locked too.
        root: the run folder, for the message.
        wait: called once with a sentence before this process waits for another one; None refuses to wait.
        shared: whether other readers may hold the lock at the same time.

    Raises:
        ConfigError: another process holds the lock, and `wait` is None; or this process holds it already.
    """
    waiting = False
    while not _try_lock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
        pid = read_holder(lock)
        # A process that waits for itself never ends.
        if wait is None or pid == os.getpid():
            raise ConfigError(
                f"another build ({describe_process(pid)}) uses this run folder",
                where=(root,),
                hint="wait for it, or choose another folder with --out" if wait is None else "end that build first",
            )
        if not waiting:
            waiting = True
            wait(f"waiting for {describe_process(pid)}, which uses {root}; ^C ends the waiting, and not that process")
        check_interrupt()
        time.sleep(_PAUSE_S)


def is_locked(root: Path) -> bool:
    """Return whether another process works in a run folder now."""
    try:
        with open_lock(root) as lock:
            return not _try_lock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def open_lock(root: Path) -> TextIO:
    """Open the lock file of a run folder for reading.

    Raises:
        OSError: there is none, it is a link or no regular file, or it cannot be read.
    """
    return TextIOWrapper(open_regular(root / LOCK_FILE, follow_links=False), encoding="utf-8", errors="replace")


def read_holder(lock: TextIO) -> int:
    """Return the number of the process that a lock file names; 0 if it names none."""
    lock.seek(0)
    text = lock.read(_MOST_DIGITS).strip()
    return int(text) if text.isdecimal() and text.isascii() else 0


def describe_process(pid: int) -> str:
    """Return the number of a process with its command line, if this machine runs it: "process 42: edgetl build"."""
    if not pid:
        return "process unknown"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    # It has just ended, or runs on another machine that shares the disk.
    except OSError:
        return f"process {pid}"
    # The interpreter and its options, before the program, say nothing.
    program = next((index for index, word in enumerate(words) if Path(word).name == "edgetl"), None)
    if program is not None:
        words = ["edgetl", *words[program + 1 :]]
    command = " ".join(" ".join(words).split())
    if len(command) > _MOST_COMMAND_CHARACTERS:
        command = f"{command[:_MOST_COMMAND_CHARACTERS]} …"
    return f"process {pid}: {command}" if command else f"process {pid}"


def _try_lock(lock: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError as error:
        # POSIX allows both codes for a locked file.
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True
