"""edgetl bench RUN --device over real ssh: copied, set up, measured, judged; and what stays where it breaks off."""

import json
import subprocess
import threading
import time

import pytest
from relay import relayed

EMULATED = "the processor is emulated: these times are no board's speed"
KEPT = "ls -A .cache/edgetl 2>/dev/null; true"


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
        assert board.ssh(f"test -f .cache/edgetl/{digest}/.venv/set-up").returncode == 0
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
