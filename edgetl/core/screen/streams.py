"""Standard streams that cannot fail: closed, full, or with an encoding that lacks a character.

An error message that cannot be printed must not become another error, and the exit code must stay what it is.
"""

import codecs
import io
import os
import select
import sys
from errno import EPIPE
from typing import TextIO

# What messages contain beyond ASCII, for terminals whose encoding lacks it.
_SUBSTITUTES = {"→": "->", "←": "<-", "…": "...", "•": "*", "✓": "+", "─": "-", "├": "|", "└": "|"}
_BRAILLE = range(0x2800, 0x2900)
_ESCAPE = "edgetl.escape"


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    r"""Replace characters that an encoding lacks: by similar ones, by the bytes of a file name, or by \u escapes.

    The escapes are those of JSON, two for a character beyond U+FFFF, so that JSON stays JSON.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character, following = error.object[error.start], error.start + 1
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        # Python reads each byte of a file name that is not UTF-8 as such a character.
        return bytes([code - 0xDC00]), following
    if code in _BRAILLE:
        # The frames of a spinner.
        return "*", following
    units = character.encode("utf-16-be", "surrogatepass")
    escapes = "".join(f"\\u{units[start : start + 2].hex()}" for start in range(0, len(units), 2))
    return _SUBSTITUTES.get(character, escapes), following


codecs.register_error(_ESCAPE, _escape)


class _TolerantFile(io.FileIO):
    """A descriptor to write to. An error of a write is kept, and what was written is lost."""

    def __init__(self, descriptor: int, *, closes: bool) -> None:
        super().__init__(descriptor, "w", closefd=closes)
        self.error: OSError | None = None

    # The argument is any object with a buffer, for which Python 3.11 has no type.
    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        """Write bytes; return how many were written or lost."""
        try:
            count = super().write(data)
            while count is None:
                # Another program has made the descriptor non-blocking.
                select.select([], [self], [])
                count = super().write(data)
        # There is nowhere to report it: this may be the stream of the error messages.
        except (OSError, ValueError) as error:
            self.error = error if isinstance(error, OSError) else OSError(str(error))
            return len(memoryview(data).cast("B"))
        return count


def prepare_streams() -> None:
    """Let stdout and stderr of this process tolerate all errors. It is for the program, not for the Python API."""
    fill_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    encodings = [_get_encoding(stream) for stream in (sys.stdout, sys.stderr)]
    sys.stdout, sys.stderr = (
        _open(_TolerantFile(descriptor, closes=False), encoding)
        for descriptor, encoding in zip((1, 2), encodings, strict=True)
    )


def fill_descriptors() -> None:
    """Open /dev/null as each of the descriptors 0 to 2 that is closed.

    Else the next file that is opened would become standard output, with the output of libraries in it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)


def open_stderr() -> TextIO:
    """Open a copy of descriptor 2, which tolerates all errors."""
    return _open(_TolerantFile(os.dup(2), closes=True), _get_encoding(sys.stderr))


def choose_stderr() -> TextIO:
    """Return sys.stderr, or a stream without output if this process has none."""
    return io.StringIO() if sys.stderr is None or sys.stderr.closed else sys.stderr


def flush_standard_streams() -> None:
    """Write what the streams of Python have buffered to their descriptors."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def explain_lost_output() -> str:
    """Return why the results could not be written to stdout, "" if they were.

    A program that reads only the first lines, as `head` does, loses nothing that it wants.
    """
    sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = file.error if isinstance(file, _TolerantFile) else None
    return "" if error is None or error.errno == EPIPE else error.strerror or str(error)


def _get_encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _open(file: _TolerantFile, encoding: str) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(file), encoding=encoding, errors=_ESCAPE, line_buffering=True)
