"""edgetl bench RUN --device over real ssh: copied, set up, measured, judged; and what stays where it breaks off."""

import json
import subprocess
import threading
import time

import pytest

from tests.device.relay import relayed

EMULATED = "the processor is emulated: these times are no board's speed"
KEPT = "ls -A .cache/edgetl/bundles 2>/dev/null; true"


@pytest.fixture
def bench(edgetl, own_ssh, built_for):
    """edgetl bench on the run for a Raspberry Pi 4, through an ssh configuration; gives the finished process."""
    run = built_for("raspberry-pi-4", "int8").run

    def measure(config, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        own_ssh.use(config)
        return edgetl("bench", run, "--device", name, "--soak", "0", *more, PATH=own_ssh.path)

    return measure


def kept(board) -> list[str]:
    return board.ssh(KEPT).stdout.split()


def test_a_board_is_set_up_measured_and_judged(answering, set_up, bench, built_for):
    ready_made = {"shared": {"opt/set-up": set_up}, "environment": {"PYTHON": "/opt/set-up/python3"}}
    with answering("bookworm", **ready_made) as board:
        done = bench(board.config, "bookworm", "--accuracy", "--json")
        assert done.returncode == 0, done.stderr
        (digest,) = kept(board)
        assert len(digest) == 32
        assert board.ssh(f"test -f .cache/edgetl/bundles/{digest}/.venv/set-up").returncode == 0
    measure = json.loads(done.stdout)["measures"]["bookworm"]
    # Nobody may take this for a Raspberry Pi's speed.
    assert measure["valid"] is False and EMULATED in measure["reasons"]
    assert measure["board"]["emulated"] is True and "emulated" in measure["board"]["name"]
    assert "INVALID" in done.stderr and EMULATED in " ".join(done.stderr.split())
    assert measure["board"]["machine"] == "aarch64" and measure["versions"]["python"].startswith("3.11.")
    assert measure["accelerated"] is True
    # The contract, judged where it counts: answers are the same as here to a step, so the accuracy is.
    built = built_for("raspberry-pi-4", "int8")
    accuracy = measure["accuracy"]
    assert accuracy["photos"] == built.verdict.photos and accuracy["unreadable"] == {}
    assert accuracy["accuracy"]["value"] == pytest.approx(built.verdict.accuracy, abs=1e-9)
    assert "int8, bookworm" in " ".join(done.stderr.split())


# Each place where a connection may end: how far it gets, and what may be there afterwards.


@pytest.mark.slow
def test_cut_off_while_copying(answering, bench):
    with answering("bookworm") as board:
        with relayed(board.config, limit_bytes=200_000) as (relay, through):
            done = bench(through, "bookworm")
            assert relay.passed_bytes >= 200_000
        assert done.returncode == 3
        assert "bookworm: the connection broke off while copying the bundle" in done.stderr
        assert "run it again" in done.stderr
        deadline = time.monotonic() + 30
        while kept(board) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert kept(board) == []


@pytest.mark.slow
def test_cut_off_while_setting_up_and_while_measuring_and_then_it_works(answering, bench):
    with answering("bookworm") as board:
        for script, doing in ((".venv", "setting it up"), ("measure.tmp", "measuring")):
            with relayed(board.config) as (relay, through):
                cutter = threading.Thread(target=_cut_when, args=(board, relay, script))
                cutter.start()
                done = bench(through, "bookworm")
                cutter.join()
            assert done.returncode == 3, done.stderr
            assert f"bookworm: the connection broke off while {doing}" in done.stderr
            (digest,) = [name for name in kept(board) if not name.endswith(".tmp")]
            deadline = time.monotonic() + 60
            while (_running(board, digest) or kept(board) != [digest]) and time.monotonic() < deadline:
                time.sleep(0.5)
            assert _running(board, digest) == ""
            # The bundle, whole, and nothing beside it; its environment only where it was set up.
            assert kept(board) == [digest]
            found = board.ssh(f"cd .cache/edgetl/bundles/{digest}; test ! -d .venv || test -f .venv/set-up")
            assert found.returncode == 0
        done = bench(board.config, "bookworm")
        assert done.returncode == 0, done.stderr
        assert kept(board) == [digest]


def _cut_when(board, relay, appears: str) -> None:
    """Cut the relay as soon as a path that ends so is on the board."""
    look = f'find .cache/edgetl/bundles -maxdepth 2 -name "*{appears}" | grep -q .'
    board.ssh(f"for i in $(seq 600); do {look} && exit; sleep 0.5; done")
    relay.cut()


def _running(board, digest: str) -> str:
    """The programs of the bundle that still run on the board. The brackets keep the question out of its answer."""
    look = f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -a '[{digest[0]}]{digest[1:]}'"
    return board.ssh(look).stdout
