"""The log of a run: what libraries print, in order with what edgetl prints."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TextIO

from edgetl.core.screen.streams import fill_descriptors, flush_standard_streams, open_stderr
from edgetl.core.storage.regular_files import open_for_appending


@contextmanager
def redirect_output(path: Path) -> Iterator[TextIO]:
    """Append everything that this process and its children write to stdout and stderr to a file.

    File descriptors 1 and 2 are replaced, because TensorFlow's C++ code writes to them and not to `sys.stderr`. In a
    notebook, the streams of Python do not write to these descriptors, and are replaced as well.

    Args:
        path: the log file.

    Yields:
        The real stderr, for the console.

    Raises:
        ConfigError: the file is a link or no regular file.
        OSError: the file cannot be written.
    """
    fill_descriptors()
    # Buffered text belongs to the streams before the redirection.
    flush_standard_streams()
    with ExitStack() as stack:
        log = stack.enter_context(open_for_appending(path))
        log.reconfigure(errors="backslashreplace", line_buffering=True)
        real_stderr = stack.enter_context(open_stderr())
        if not _writes_to(sys.stdout, 1):
            stack.enter_context(redirect_stdout(log))
        if not _writes_to(sys.stderr, 2):
            stack.enter_context(redirect_stderr(log))
        saved = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield real_stderr
        finally:
            try:
                flush_standard_streams()
            finally:
                # Restored even if the flush fails on a full disk. Without stderr, no error message would be visible.
                for handle, number in zip(saved, (1, 2), strict=True):
                    os.dup2(handle, number)
                    os.close(handle)


def append_to_log(text: str) -> None:
    """Append lines to the log of `redirect_output`, each with the time, after all that Python printed before.

    Raises:
        OSError: the file cannot be written.
    """
    # Text of libraries that is still in the buffers of Python was printed before.
    flush_standard_streams()
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    lines = "".join(f"{now} {line}\n" for line in text.split("\n"))
    # In one call, so that the lines of two threads are not mixed.
    os.write(2, lines.encode("utf-8", errors="backslashreplace"))


def _writes_to(stream: TextIO | None, descriptor: int) -> bool:
    try:
        return stream is not None and stream.fileno() == descriptor
    except (OSError, ValueError):
        # A stream that is not a file: of a notebook, or in memory.
        return False
