"""disk_errors.py: what is wrong with a disk, where, and what to do, without a number of the system."""

import errno
import os
from pathlib import Path

import pytest

from edgetl.core.storage.disk_errors import explain_disk_error


def make_error(number: int, *names: str) -> OSError:
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (errno.ENOSPC, "the disk is full", "free some space"),
        (errno.EDQUOT, "the disk is full", "free some space"),
        (errno.EACCES, "permission denied", "chmod u+rwX /run/model; otherwise choose another folder: --out"),
        (errno.EPERM, "permission denied", "chmod u+rwX /run/model"),
        (errno.EROFS, "the disk is mounted read-only", "choose another folder: --out"),
        (errno.ENOENT, "no such file or folder", "check its name"),
        (errno.ENOTDIR, "a file is in the place of a folder", "move it away"),
        (errno.EIO, "input/output error", "choose another folder"),
    ],
)
def test_every_kind_has_a_sentence_and_a_hint(number, message, hint):
    error = explain_disk_error(make_error(number, "/run/model"))
    assert error.message == message and error.exit_code == 2 and error.where[0].startswith("/run/model")
    assert hint in error.hint and "Errno" not in str(error)


def test_full_disk_is_named_with_its_free_space(tmp_path):
    (place,) = explain_disk_error(make_error(errno.ENOSPC, str(tmp_path / "absent" / "file"))).where
    assert place.startswith(f"{tmp_path}/absent/file: ") and place.endswith(" MB free")


def test_folders_are_named_where_the_error_names_no_file(tmp_path):
    folders = (tmp_path / "run", tmp_path / "cache")
    assert explain_disk_error(make_error(errno.EROFS), folders).where == tuple(map(str, folders))
    assert explain_disk_error(make_error(errno.EROFS, "/run/model"), folders).where == ("/run/model",)
    assert "chmod" not in explain_disk_error(make_error(errno.EACCES)).hint


def test_both_names_of_a_rename_are_named():
    error = make_error(errno.EACCES, "/run/a", None, "/run/b")
    assert explain_disk_error(error).where == ("/run/a", "/run/b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Can't write data (file write failed: errno = 28, error message = 'No space left on device')",
            "the disk is full",
        ),
        ("[Errno 13] Unable to create file", "permission denied"),
        ("Unable to open file (truncated file)", "Unable to open file (truncated file)"),
        ("[Errno 9999] of another system", "unknown error 9999"),
        ("", "OSError"),
    ],
)
def test_numbers_in_texts_of_libraries_are_understood(text, message):
    assert explain_disk_error(OSError(text)).message == message


def test_file_number_is_no_name():
    assert explain_disk_error(make_error(errno.EIO, 3), (Path("/run"),)).where == ("/run",)


def test_words_of_an_error_come_before_those_of_the_system():
    assert explain_disk_error(OSError(errno.EINVAL, "it is a named pipe", "/run/x")).message == "it is a named pipe"
