"""Messages of the demo's web server on standard error: one line each, and few of them.

Anyone who reaches the page can send bad requests, as many as they like: they must not fill the log of the board.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import TextIO

INTERVAL_S = 10.0
LINES_PER_INTERVAL = 5
LENGTH = 200


class LimitedHandler(logging.Handler):
    """Prints at most LINES_PER_INTERVAL messages per INTERVAL_S, and later how many it left out.

    An error in the demo's own code is printed with its traceback; an error that a request caused is one line.
    """

    def __init__(
        self,
        request_errors: tuple[type[BaseException], ...],
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Print to `out`, by default standard error. `request_errors` are the errors that a request can cause."""
        super().__init__(logging.WARNING)
        self._request_errors = request_errors
        self._out = out
        self._clock = clock
        self._start_s, self._printed, self._left_out = clock(), 0, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, or count it."""
        now_s = self._clock()
        if now_s - self._start_s >= INTERVAL_S:
            if self._left_out:
                self._print(f"{self._left_out} more messages of the web server in {now_s - self._start_s:.0f} s")
            self._start_s, self._printed, self._left_out = now_s, 0, 0
        if self._printed >= LINES_PER_INTERVAL:
            self._left_out += 1
            return
        self._printed += 1
        error = record.exc_info[1] if record.exc_info else None
        reason = f": {type(error).__name__}: {error}" if error else ""
        self._print(f"{record.getMessage()}{reason}")
        if error is not None and not isinstance(error, self._request_errors):
            print("".join(traceback.format_exception(type(error), error, error.__traceback__)), file=self._file)

    @property
    def _file(self) -> TextIO:
        return self._out or sys.stderr

    def _print(self, text: str) -> None:
        # Parts of a request must not move the cursor of a terminal, or look like another line.
        line = " ".join(text.split())
        printable = "".join(character if character.isprintable() else "?" for character in line)
        print(printable[:LENGTH], file=self._file, flush=True)


def limit_messages(request_errors: tuple[type[BaseException], ...]) -> None:
    """Print the messages of aiohttp and asyncio with a LimitedHandler from here on."""
    handler = LimitedHandler(request_errors)
    for name in ("aiohttp", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
