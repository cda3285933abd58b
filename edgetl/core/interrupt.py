"""^C and SIGTERM: a signal sets a flag, and every step of the work checks the flag.

Python's own handler raises KeyboardInterrupt wherever the program is at that moment. Inside an import, a callback from
C code or the garbage collector the exception is lost, and the program continues. Here a signal only sets a flag, and
`check_interrupt` raises `Interrupted` where that is safe: between stages, after each photo or batch, after an import.

A thread receives the signals, because Python runs its handlers only when the main thread returns from C code. The flag
is in memory that forked processes share.
"""

import ctypes
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Some programs that start others, such as timeout, send a signal to the process and to its group. The same signal
# within this time is no second ^C.
_DUPLICATE_S = 0.3
# Longest time that the end of a block waits for the sentence to be printed.
_ANNOUNCING_S = 1.0
_SENTENCES = {
    signal.SIGINT: "ending after the current step; press ^C again to end now",
    signal.SIGTERM: "SIGTERM: ending after the current step; a second signal ends at once",
}
_SHOW_CURSOR = b"\x1b[?25h"
_STOP = b"\0"

# The number of the signal, 0 if there was none.
_flag = mmap.mmap(-1, 1)


class Interrupted(KeyboardInterrupt):
    """^C or SIGTERM has ended the work.

    Like KeyboardInterrupt it is no Exception, so that code which handles errors of libraries lets it pass.

    Attributes:
        signal_number: SIGINT or SIGTERM.
    """

    def __init__(self, signal_number: int = signal.SIGINT) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number

    def __str__(self) -> str:
        return "terminated" if self.signal_number == signal.SIGTERM else "interrupted"

    @property
    def exit_code(self) -> int:
        """Return 130 for ^C and 143 for SIGTERM. Shells report a program that a signal ended with 128 + its number."""
        return 128 + self.signal_number


def is_interrupted() -> bool:
    """Return whether ^C or SIGTERM has been received."""
    return _flag[0] != 0


def check_interrupt() -> None:
    """Check whether the work must end.

    Raises:
        Interrupted: ^C or SIGTERM has been received.
    """
    if _flag[0]:
        raise Interrupted(_flag[0])


@contextmanager
def watch_signals(*, is_program: bool = False) -> Iterator[None]:
    """Let ^C and SIGTERM set the flag inside the block.

    Nothing changes in a thread other than the main one, or inside another such block. A signal that is ignored, as it
    is after nohup, stays ignored. In a program, a second signal ends the process at once by its default action. Else
    a second ^C calls the handler that was installed before, and SIGTERM is sent again at the end of the block.

    Args:
        is_program: whether the process is the program edgetl, and not a program that calls the Python API.
    """
    if _Watch.current is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(is_program=is_program)
    watch.start()
    try:
        yield
    finally:
        received = _flag[0]
        watch.stop()
        if received == signal.SIGTERM and not is_program:
            os.kill(os.getpid(), received)


@contextmanager
def announce_with(say: Callable[[str], object]) -> Iterator[None]:
    """Print the sentence about a signal with a function, as by that of a console with a progress bar."""
    _Watch.announcers.append(say)
    try:
        yield
    finally:
        _Watch.announcers.remove(say)


@contextmanager
def call_when_interrupted(function: Callable[[], object]) -> Iterator[None]:
    """Call a function as soon as a signal is received inside the block, as in `call_when_interrupted(child.kill)`.

    It is called in another thread, or at the beginning of the block if the signal was received before.
    """
    with _Watch.lock:
        _Watch.callbacks.append(function)
    try:
        # A signal between the start of a child process and this block must end it too.
        if is_interrupted():
            function()
        yield
    finally:
        with _Watch.lock:
            _Watch.callbacks.remove(function)


@contextmanager
def raise_at_once() -> Iterator[None]:
    """Raise `Interrupted` inside the block wherever the main thread is.

    It is for calls that wait for long and run no C code which calls Python, such as a download.
    """
    check_interrupt()
    before, _Watch.raises = _Watch.raises, True
    try:
        yield
    finally:
        _Watch.raises = before


class _Watch:
    """The handlers of both signals, and the thread that receives them."""

    current: "_Watch | None" = None
    announcers: list[Callable[[str], object]] = []  # noqa: RUF012  (one list for the process)
    callbacks: list[Callable[[], object]] = []  # noqa: RUF012  (one list for the process)
    lock = threading.Lock()
    raises = False

    def __init__(self, *, is_program: bool) -> None:
        self._is_program = is_program
        self._previous: dict[int, Any] = {}
        self._received_s = 0.0
        self._stopping = threading.Event()
        self._announcing: threading.Thread | None = None

    def start(self) -> None:
        """Install the handlers."""
        _flag[0] = 0
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._stderr = _duplicate_stderr()
        self._thread = threading.Thread(target=self._receive_all, name="edgetl-signals", daemon=True)
        self._thread.start()
        # Python's handler in C writes the number of each signal to this pipe at once, wherever the main thread is.
        self._previous_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in _SIGNALS:
            # None: a handler that was not installed by Python.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._handle)
        _Watch.current = self

    def stop(self) -> None:
        """Restore the handlers that were there before, and clear the flag."""
        for number, handler in self._previous.items():
            # A program ends now. The handler of Python would raise an exception in the middle of its shutdown.
            signal.signal(number, signal.SIG_DFL if self._is_program else handler)
        signal.set_wakeup_fd(self._previous_fd)
        _Watch.current = None
        self._stopping.set()
        os.write(self._writer, _STOP)
        self._thread.join()
        for descriptor in (self._reader, self._writer):
            os.close(descriptor)
        if self._announcing is not None:
            self._announcing.join(_ANNOUNCING_S)
        # A thread that still waits for a reader must not write to a file that gets the same number.
        if self._announcing is None or not self._announcing.is_alive():
            os.close(self._stderr)
        _flag[0] = 0

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal in the main thread, after a call into C code has returned."""
        # The thread may not have run yet.
        _flag[0] = _flag[0] or number
        is_second = self._received_s and time.monotonic() - self._received_s > _DUPLICATE_S
        if is_second and not self._is_program and callable(self._previous[number]):
            self._previous[number](number, frame)
        if _Watch.raises:
            raise Interrupted(number)

    def _receive_all(self) -> None:
        while True:
            for number in os.read(self._reader, 64):
                if number == _STOP[0]:
                    return
                if number not in self._previous:
                    # The handler of another signal: the reader of the previous pipe expects it.
                    if self._previous_fd >= 0:
                        os.write(self._previous_fd, bytes([number]))
                elif not self._received_s:
                    self._receive_first(number)

    def _receive_first(self, number: int) -> None:
        self._received_s = time.monotonic()
        _flag[0] = number
        # In a thread of its own: the console waits for its lock, and for the reader of a pipe that is full.
        sentence = _SENTENCES[signal.Signals(number)]
        self._announcing = threading.Thread(target=self._announce, args=(sentence,), daemon=True)
        self._announcing.start()
        with _Watch.lock:
            callbacks = list(_Watch.callbacks)
        for function in callbacks:
            function()
        if self._is_program:
            self._stopping.wait(_DUPLICATE_S)
            # The kernel then ends the process at the next signal, even while C code holds the interpreter's lock.
            for signal_number in self._previous:
                _set_default_action(signal_number)

    def _announce(self, sentence: str) -> None:
        try:
            if os.isatty(self._stderr):
                # Progress bars hide the cursor. A second signal leaves no time to show it again.
                os.write(self._stderr, _SHOW_CURSOR)
            if _Watch.announcers:
                _Watch.announcers[-1](sentence)
            else:
                os.write(self._stderr, f"{sentence}\n".encode())
        except (OSError, ValueError):
            # The terminal is closed, so the sentence has no reader. The work ends all the same.
            return


def _duplicate_stderr() -> int:
    try:
        return os.dup(2)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _set_default_action(number: int) -> None:
    """Set the default action of a signal, which ends the process. `signal.signal` works in the main thread only."""
    set_handler = ctypes.CDLL(None).signal
    set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    set_handler(number, int(signal.SIG_DFL))


def _leave_to_parent() -> None:
    """Let a forked process ignore ^C, which its parent handles, and end at SIGTERM."""
    if _Watch.current is None:
        return
    signal.set_wakeup_fd(-1)
    for number, action in zip(_SIGNALS, (signal.SIG_IGN, signal.SIG_DFL), strict=True):
        signal.signal(number, action)
    _Watch.current = None


os.register_at_fork(after_in_child=_leave_to_parent)
