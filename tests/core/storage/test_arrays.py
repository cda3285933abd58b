"""arrays.py: an array is read without pickles, and never larger than its file."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.storage.arrays import read_array
from tests.fixtures.special_files import SPECIAL_FILES, make_special


def test_array_is_read(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    result = read_array(tmp_path / "a.npy")
    assert np.array_equal(result, array) and result.dtype == array.dtype
    (tmp_path / "a.npy").write_bytes(b"")
    result += 1


def make_header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        b"\x93NUMPY\x01\x00",
        make_header((2**40,)),
        make_header((2**62, 2**62)),
        make_header((-5,)),
        make_header((3,), "|O") + b"\x80\x04N.",
        make_header((3,), "<f999999999"),
        make_header((3,))[:-20],
    ],
)
def test_file_that_is_no_array_or_shorter_than_declared_is_refused(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="the file cannot be read") as caught:
        read_array(path)
    assert caught.value.hint == f"remove {tmp_path} and run the same command again"


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_is_refused_at_once(tmp_path, kind):
    with pytest.raises(ConfigError, match=SPECIAL_FILES[kind]):
        read_array(make_special(kind, tmp_path))
