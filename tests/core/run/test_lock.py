"""lock.py: one process works in a run folder, and whoever waits knows for whom."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.run.lock import acquire_lock, describe_process, is_locked, read_holder

# Locks a file, writes its number into it, and waits for a line.
HOLDER = """
import fcntl, os, sys
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_SH if sys.argv[2] == "shared" else fcntl.LOCK_EX)
    lock.write(str(os.getpid()))
    lock.flush()
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def hold(tmp_path):
    """Return a function that starts a process which holds tmp_path/.lock until a line is written to it."""
    children = []

    def start(kind: str = "exclusive") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock"), kind]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        assert child.stdout.readline() == "locked\n"
        return child

    yield start
    for child in children:
        with child:
            child.kill()


def acquire(root: Path, *, mode: str = "a+", **keywords) -> None:
    with (root / ".lock").open(mode) as lock:
        acquire_lock(lock, root, **keywords)


def test_lock_that_another_process_holds_is_refused(tmp_path, hold):
    child = hold()
    with pytest.raises(ConfigError, match=rf"another build \(process {child.pid}: ") as caught:
        acquire(tmp_path)
    assert caught.value.where == (str(tmp_path),) and "--out" in caught.value.hint


def test_lock_is_waited_for_with_one_sentence(tmp_path, hold):
    child, sentences = hold(), []
    timer = threading.Timer(0.7, lambda: child.communicate("\n"))
    timer.start()
    start = time.monotonic()
    acquire(tmp_path, wait=sentences.append)
    timer.join()
    assert time.monotonic() - start > 0.6
    (sentence,) = sentences
    assert sentence.startswith(f"waiting for process {child.pid}: ") and f"uses {tmp_path}; ^C" in sentence


def test_free_lock_is_not_waited_for(tmp_path):
    sentences = []
    acquire(tmp_path, wait=sentences.append)
    assert sentences == []


def test_readers_share_a_lock_that_they_cannot_write(tmp_path, hold):
    hold("shared")
    acquire(tmp_path, mode="r", shared=True)
    with pytest.raises(ConfigError, match="another build"):
        acquire(tmp_path)


def test_process_does_not_wait_for_itself(tmp_path):
    with (tmp_path / ".lock").open("w") as lock:
        acquire_lock(lock, tmp_path)
        lock.write(str(os.getpid()))
        lock.flush()
        with pytest.raises(ConfigError, match=f"process {os.getpid()}") as caught:
            acquire(tmp_path, wait=lambda _: pytest.fail("it waits"))
    assert caught.value.hint == "end that build first"


def test_lock_is_seen_from_outside(tmp_path, hold):
    assert not is_locked(tmp_path)
    child = hold()
    assert is_locked(tmp_path)
    child.communicate("\n")
    assert not is_locked(tmp_path)


@pytest.mark.parametrize(
    ("content", "pid"), [("42", 42), ("42\n", 42), ("", 0), ("no number", 0), ("-1", 0), ("٤٢", 0), ("9" * 1000, 0)]
)
def test_holder_is_read_from_any_file(tmp_path, content, pid):
    (tmp_path / ".lock").write_text(content, encoding="utf-8")
    with (tmp_path / ".lock").open(encoding="utf-8") as lock:
        assert read_holder(lock) in (pid, int("9" * 20))


def test_process_is_described_by_its_command(edgetl):
    with edgetl.start("build", "--epochs", "x" * 200) as child:
        # The interpreter and `-m` are left out.
        text = describe_process(child.pid)
    assert text.startswith(f"process {child.pid}: edgetl build --epochs xxx") and text.endswith(" …")
    assert len(text) < 120


def test_process_that_is_gone_is_described_by_its_number():
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert describe_process(child.pid) == f"process {child.pid}"
    assert describe_process(0) == "process unknown"
