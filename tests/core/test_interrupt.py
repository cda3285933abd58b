"""interrupt.py: a signal sets a flag, ends children at once, and a second one ends the program."""

import os
import pickle
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import get_context

import pytest

from edgetl.core import interrupt
from edgetl.core.interrupt import (
    Interrupted,
    announce_with,
    call_when_interrupted,
    check_interrupt,
    is_interrupted,
    raise_at_once,
    watch_signals,
)
from tests.fixtures.signals import interrupt_here, interrupt_later, wait_for


def test_work_goes_on_without_a_signal():
    check_interrupt()
    with watch_signals():
        check_interrupt()
        assert not is_interrupted()


def test_interrupt_is_raised_where_it_is_checked_only():
    with watch_signals():
        interrupt_here()
        # Code that checks nothing runs on.
        total = sum(range(100_000))
        with pytest.raises(Interrupted) as caught:
            check_interrupt()
    assert total == 4999950000
    assert (caught.value.exit_code, str(caught.value)) == (130, "interrupted")
    assert isinstance(caught.value, KeyboardInterrupt) and not isinstance(caught.value, Exception)


def test_handlers_and_flag_are_restored():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    descriptor = signal.set_wakeup_fd(-1)
    with watch_signals():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
        interrupt_here()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == descriptor
    check_interrupt()


def test_inner_block_changes_nothing():
    with watch_signals():
        handler = signal.getsignal(signal.SIGINT)
        with watch_signals():
            assert signal.getsignal(signal.SIGINT) == handler
            interrupt_here()
        assert is_interrupted()


def test_nothing_changes_outside_the_main_thread():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with watch_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_ignored_signal_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with watch_signals():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            check_interrupt()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_sentence_is_printed_at_once_by_the_innermost_announcer():
    sentences: list[str] = []
    with watch_signals(), announce_with(lambda _: sentences.append("outer")), announce_with(sentences.append):
        interrupt_here()
        wait_for(lambda: sentences)
    assert sentences == ["ending after the current step; press ^C again to end now"]


def test_closed_terminal_is_no_error():
    def fail(_: str) -> None:
        raise ValueError("I/O operation on closed file")

    with watch_signals(), announce_with(fail):
        interrupt_here()


def test_functions_are_called_at_once_or_at_the_beginning_of_their_block():
    called: list[str] = []
    with watch_signals():
        with call_when_interrupted(lambda: called.append("gone")):
            pass
        with call_when_interrupted(lambda: called.append("at once")):
            interrupt_here()
            wait_for(lambda: called)
        with call_when_interrupted(lambda: called.append("late")):
            assert called == ["at once", "late"]


def test_child_process_ends_with_the_signal():
    with (
        watch_signals(),
        subprocess.Popen(["/bin/sleep", "600"], stdout=subprocess.PIPE) as child,
        call_when_interrupted(child.kill),
    ):
        interrupt_later()
        assert child.stdout is not None
        # The main thread waits for a pipe, as it does for messages of a child.
        assert child.stdout.read() == b""
        assert child.wait() == -signal.SIGKILL
        with pytest.raises(Interrupted):
            check_interrupt()


def test_second_signal_of_a_duplicating_sender_is_ignored():
    with watch_signals():
        interrupt_here()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)


def test_second_interrupt_goes_to_the_handler_of_the_calling_program(monkeypatch):
    monkeypatch.setattr(interrupt, "_DUPLICATE_S", 0.01)
    with pytest.raises(KeyboardInterrupt) as caught, watch_signals():
        interrupt_here()
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second ^C had no effect")
    assert not isinstance(caught.value, Interrupted)


def test_sigterm_is_sent_again_to_the_calling_program():
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with pytest.raises(Interrupted) as caught, watch_signals():
            interrupt_here(signal.SIGTERM)
            check_interrupt()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]
    assert (caught.value.exit_code, str(caught.value)) == (143, "terminated")


def test_other_signals_reach_the_reader_of_the_program():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    previous = signal.set_wakeup_fd(writer)
    try:
        with watch_signals():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert os.read(reader, 1) == bytes([signal.SIGUSR1])
            check_interrupt()
    finally:
        signal.set_wakeup_fd(previous)
        signal.signal(signal.SIGUSR1, before)
        os.close(reader)
        os.close(writer)


def test_interrupt_is_raised_at_once_in_a_download():
    with watch_signals():
        with pytest.raises(Interrupted), raise_at_once():
            interrupt_later()
            time.sleep(60)
        with pytest.raises(Interrupted), raise_at_once():
            pytest.fail("the block began after the signal")


def test_forked_process_sees_the_flag_and_leaves_the_signals_to_its_parent():
    context = get_context("fork")
    pipe, end = context.Pipe()

    def work() -> None:
        end.send((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
        wait_for(is_interrupted)
        end.send("seen")

    with watch_signals():
        process = context.Process(target=work)
        process.start()
        assert pipe.recv() == (signal.SIG_IGN, signal.SIG_DFL)
        interrupt_here()
        assert pipe.poll(10) and pipe.recv() == "seen"
        process.join()


def test_interrupt_of_a_worker_reaches_its_parent():
    copy = pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM)))
    assert copy.exit_code == 143


# The program


PROGRAM = """
import signal, subprocess, sys, time
from edgetl.core.interrupt import Interrupted, check_interrupt, watch_signals
with watch_signals(is_program=True):
    print("ready", flush=True)
    try:
        {work}
    except Interrupted as error:
        code = error.exit_code
    else:
        code = 0
sys.exit(code)
"""
CHECKS = "while True: time.sleep(0.01); check_interrupt()"
CHECKS_NOTHING = "time.sleep(600)"


def start(work: str, **streams: int) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", PROGRAM.format(work=work)], stdout=subprocess.PIPE, **streams)
    assert child.stdout is not None and child.stdout.readline() == b"ready\n"
    return child


@pytest.mark.parametrize(
    ("number", "code", "sentence"),
    [(signal.SIGINT, 130, b"press ^C again to end now"), (signal.SIGTERM, 143, b"SIGTERM: ending after the current")],
)
def test_program_ends_at_its_next_check(number, code, sentence):
    with start(CHECKS, stderr=subprocess.PIPE) as child:
        child.send_signal(number)
        _, errors = child.communicate(timeout=20)
    assert child.returncode == code and sentence in errors and b"Traceback" not in errors


def test_second_signal_ends_the_program_at_once():
    with start(CHECKS_NOTHING, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        child.send_signal(signal.SIGINT)
        assert b"press ^C again" in child.stderr.readline()
        time.sleep(2 * interrupt._DUPLICATE_S)
        child.send_signal(signal.SIGINT)
        # A shell shows 130.
        assert child.wait(timeout=5) == -signal.SIGINT


def test_closed_stderr_is_no_error():
    program = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, PROGRAM.format(work=CHECKS)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 130


def test_first_signal_shows_the_cursor_of_the_terminal():
    terminal, end = pty.openpty()
    with start(CHECKS, stderr=end) as child:
        os.close(end)
        child.send_signal(signal.SIGINT)
        assert select.select([terminal], [], [], 10)[0]
        assert os.read(terminal, 1000).startswith(b"\x1b[?25h")
        child.wait(timeout=20)
    os.close(terminal)
