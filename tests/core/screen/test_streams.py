"""streams.py: writing never fails, and text stays readable in every encoding."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.core.screen import streams
from edgetl.core.screen.streams import choose_stderr, explain_lost_output, fill_descriptors, open_stderr


@pytest.fixture
def open_file():
    """Return a function that opens a descriptor as `prepare_streams` does."""
    opened: list[io.TextIOBase] = []

    def open_descriptor(descriptor: int, encoding: str = "utf-8") -> io.TextIOWrapper:
        stream = streams._open(streams._TolerantFile(descriptor, closes=False), encoding)
        opened.append(stream)
        return stream

    yield open_descriptor
    for stream in opened:
        stream.close()


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError as error:
            assert error.errno == errno.EBADF


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("ascii", "int8 → 1.2 MB … • ✓ ⠹", b"int8 -> 1.2 MB ... * + *"),
        ("ascii", "├─ é", rb"|- \u00e9"),
        ("latin-1", "é →", b"\xe9 ->"),
        ("utf-8", "é → 😀", "é → 😀".encode()),
        ("ascii", os.fsdecode(b"photos-\xff"), b"photos-\xff"),
        ("utf-8", os.fsdecode(b"photos-\xff"), b"photos-\xff"),
        ("utf-8", "\ud800", rb"\ud800"),
    ],
)
def test_characters_that_an_encoding_lacks_are_replaced(open_file, pipe, encoding, text, expected):
    open_file(pipe[1], encoding).write(text + "\n")
    assert os.read(pipe[0], 1000) == expected + b"\n"


def test_json_stays_json_in_every_encoding(open_file, pipe):
    record = {"classes": ["Müll", "玻璃", "😀"]}
    open_file(pipe[1], "ascii").write(json.dumps(record, ensure_ascii=False) + "\n")
    assert json.loads(os.read(pipe[0], 1000)) == record


def test_full_disk_is_no_error_and_is_remembered(open_file, monkeypatch):
    with Path("/dev/full").open("wb") as full:
        stream = open_file(full.fileno())
        print("lost", file=stream)
        stream.flush()
        monkeypatch.setattr(sys, "stdout", stream)
        assert explain_lost_output() == os.strerror(errno.ENOSPC)


def test_reader_that_has_ended_loses_nothing(open_file, pipe, monkeypatch):
    os.close(pipe[0])
    stream = open_file(pipe[1])
    print("first lines were enough", file=stream)
    monkeypatch.setattr(sys, "stdout", stream)
    assert explain_lost_output() == ""


def test_closed_descriptor_is_no_error(open_file, pipe):
    stream = open_file(pipe[1])
    os.close(pipe[1])
    print("lost", file=stream)
    stream.flush()


def test_nothing_is_lost_on_a_descriptor_that_does_not_block(open_file, pipe):
    os.set_blocking(pipe[1], False)
    text = "x" * 1_000_000
    program = "import sys; print(len(sys.stdin.read()))"
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe[0], stdout=subprocess.PIPE) as child:
        os.close(pipe[0])
        stream = open_file(pipe[1])
        stream.write(text)
        stream.flush()
        os.close(pipe[1])
        assert child.stdout is not None and int(child.stdout.read()) == len(text)


def test_output_of_a_stream_that_is_not_ours_is_not_examined(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert explain_lost_output() == ""


@pytest.mark.parametrize("absent", [None, "closed"])
def test_process_without_stderr_gets_a_stream_without_output(monkeypatch, absent):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", None if absent is None else stream)
    choose_stderr().write("lost")
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    assert choose_stderr() is sys.__stderr__


def test_copy_of_stderr_has_its_encoding(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    with open_stderr() as stream:
        assert stream.encoding == "latin-1"


def test_open_descriptors_are_left_alone():
    before = [os.fstat(descriptor) for descriptor in range(3)]
    fill_descriptors()
    assert [os.fstat(descriptor) for descriptor in range(3)] == before


def test_closed_descriptors_become_dev_null():
    program = """
import os
from edgetl.core.screen.streams import fill_descriptors, prepare_streams
fill_descriptors()
assert [os.readlink(f"/proc/self/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
prepare_streams()
print("lost")
"""
    shell = ["sh", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, program]
    assert subprocess.run(shell, check=False).returncode == 0
