"""checksums.py: every change of a file is found, and an unchanged file is read once."""

import json
import os
import zlib

import numpy as np
import pytest

from edgetl.core.storage import checksums
from edgetl.core.storage.checksums import compute_checksum, match_checksums, write_checksums

NAMES = ("data", "more")
PAGE = 4096


@pytest.fixture
def folder(tmp_path):
    """A folder with two files and their checksums, written long ago."""
    values = np.random.default_rng(0).integers(0, 256, 3 * 1024 * 1024 + 123, dtype=np.uint8)
    (tmp_path / "data").write_bytes(values.tobytes())
    (tmp_path / "more").write_bytes(b"")
    write_checksums(tmp_path, NAMES)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    return tmp_path


def test_checksum_is_the_crc_of_the_sums_of_the_pages(tmp_path):
    content = np.arange(2 * PAGE + 10, dtype=np.uint32).astype(np.uint8).tobytes()
    (tmp_path / "a").write_bytes(content)
    padded = content + bytes(-len(content) % PAGE)
    sums = [
        sum(int.from_bytes(padded[i : i + 8], "little") for i in range(p, p + PAGE, 8)) % 2**64
        for p in (0, PAGE, 2 * PAGE)
    ]
    expected = zlib.crc32(len(content).to_bytes(8, "little") + b"".join(value.to_bytes(8, "little") for value in sums))
    assert compute_checksum(tmp_path / "a") == expected


def test_unchanged_files_match(folder):
    assert match_checksums(folder, NAMES)


@pytest.mark.parametrize("position", [0, 1, PAGE - 1, PAGE, 1024 * 1024, 3 * 1024 * 1024 + 122])
@pytest.mark.parametrize("bit", [0, 7])
def test_flipped_bit_is_found(folder, position, bit):
    content = bytearray((folder / "data").read_bytes())
    content[position] ^= 1 << bit
    (folder / "data").write_bytes(content)
    assert not match_checksums(folder, NAMES)


def swap_pages(content: bytes) -> bytes:
    return content[PAGE : 2 * PAGE] + content[:PAGE] + content[2 * PAGE :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: bytes(len(content)),
        lambda content: content[:PAGE] + bytes(PAGE) + content[2 * PAGE :],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        swap_pages,
        lambda content: b"",
    ],
    ids=["zeroed", "zeroed page", "shortened", "longer", "swapped pages", "empty"],
)
def test_damage_is_found(folder, damage):
    (folder / "data").write_bytes(damage((folder / "data").read_bytes()))
    assert not match_checksums(folder, NAMES)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 40, b"\xff", b"[" * 10**5])
def test_damaged_checksums_do_not_match(folder, content):
    (folder / "checksums.json").write_bytes(content)
    assert not match_checksums(folder, NAMES)


@pytest.mark.parametrize("name", ["data", "checksums.json"])
def test_missing_file_does_not_match(folder, name):
    (folder / name).unlink()
    assert not match_checksums(folder, NAMES)


def test_file_without_a_checksum_does_not_match(folder):
    values = json.loads((folder / "checksums.json").read_text())
    del values["more"]
    (folder / "checksums.json").write_text(json.dumps(values))
    assert not match_checksums(folder, NAMES)


def test_unchanged_files_are_read_once(folder, monkeypatch):
    read = []
    compute = compute_checksum
    monkeypatch.setattr(checksums, "compute_checksum", lambda path: read.append(path.name) or compute(path))
    for _ in range(3):
        assert match_checksums(folder, NAMES)
    assert read == list(NAMES)
    content = (folder / "data").read_bytes()
    (folder / "data").write_bytes(bytes(len(content)))
    assert not match_checksums(folder, NAMES)


def test_file_that_has_just_been_written_is_read_again(folder):
    """Its next change may have the same time stamp."""
    (folder / "data").write_bytes((folder / "data").read_bytes())
    state = (folder / "data").stat()
    assert match_checksums(folder, NAMES)
    (folder / "data").write_bytes(bytes(state.st_size))
    os.utime(folder / "data", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not match_checksums(folder, NAMES)
