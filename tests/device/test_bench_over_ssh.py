"""edgetl bench RUN --device over real ssh: copy, set up, measure, judge; and what remains after a lost connection."""

import json
import subprocess
import threading
import time

import pytest

from tests.device.relay import relay_to

EMULATED = "the processor is emulated: these times are not those of any board"
LIST_BUNDLES = "ls -A .cache/edgetl/bundles 2>/dev/null; true"

# A python3 whose virtual environments are copies of one that setup.sh made earlier.
PYTHON = """#!/bin/sh
if [ "$1 $2 $3" = "-I -m venv" ]; then exec cp -a {environment} "$4"; fi
exec /usr/bin/python3 "$@"
"""


@pytest.fixture
def bench(edgetl, ssh_program, built_for):
    """Run edgetl bench on the run for a Raspberry Pi 4 with an ssh configuration; returns the finished process."""
    run = built_for("raspberry-pi-4", "int8").run

    def run_bench(config, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        ssh_program.use(config)
        return edgetl(
            "bench", run, "--target", "raspberry-pi-4", "--device", name, "--soak", "0", *options, PATH=ssh_program.path
        )

    return run_bench


def list_bundles(board) -> list[str]:
    return board.ssh(LIST_BUNDLES).stdout.split()


@pytest.mark.slow
def test_board_is_set_up_measured_and_judged(board, ready_environment, bench, built_for, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(PYTHON.format(environment=ready_environment))
    (tmp_path / "bin" / "python3").chmod(0o755)
    bookworm = board("bookworm")
    # ~/bin is the first folder of PATH on the board.
    bookworm.copy(tmp_path / "bin")
    completed = bench(bookworm.config, "bookworm", "--accuracy", "--json")
    assert completed.returncode == 0, completed.stderr
    (digest,) = list_bundles(bookworm)
    assert len(digest) == 32
    assert bookworm.ssh(f"test -f .cache/edgetl/bundles/{digest}/.venv/set-up").returncode == 0
    measurement = json.loads(completed.stdout)["measures"]["bookworm"]
    # These times must not be mistaken for those of a Raspberry Pi.
    assert measurement["valid"] is False and EMULATED in measurement["reasons"]
    assert measurement["board"]["emulated"] is True and "emulated" in measurement["board"]["name"]
    assert "INVALID" in completed.stderr and EMULATED in " ".join(completed.stderr.split())
    assert measurement["board"]["machine"] == "aarch64" and measurement["versions"]["python"].startswith("3.11.")
    assert measurement["accelerated"] is True
    # The contract is judged with the predictions of the board: they agree with those of the host to one step, so the
    # accuracy is the same.
    verdict = built_for("raspberry-pi-4", "int8").targets[0].verdict
    accuracy = measurement["accuracy"]
    assert accuracy["photos"] == verdict.photos and accuracy["unreadable"] == {}
    assert accuracy["accuracy"]["value"] == pytest.approx(verdict.accuracy, abs=1e-9)
    assert "int8, bookworm" in " ".join(completed.stderr.split())


@pytest.mark.slow
def test_connection_lost_while_copying_leaves_nothing(board, bench):
    bookworm = board("bookworm")
    with relay_to(bookworm.config, limit_bytes=200_000) as (relay, config):
        completed = bench(config, "bookworm")
        assert relay.forwarded_bytes >= 200_000
    assert completed.returncode == 3
    assert "bookworm: the connection was lost while copying the bundle" in completed.stderr
    assert "run it again" in completed.stderr
    deadline = time.monotonic() + 30
    while list_bundles(bookworm) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert list_bundles(bookworm) == []


@pytest.mark.slow
def test_connection_lost_while_setting_up_or_measuring_leaves_a_usable_bundle(board, bench):
    bookworm = board("bookworm")
    for name, action in ((".venv", "setting it up"), ("measure.tmp", "measuring")):
        with relay_to(bookworm.config) as (relay, config):
            cutter = threading.Thread(target=_cut_when_created, args=(bookworm, relay, name))
            cutter.start()
            completed = bench(config, "bookworm")
            cutter.join()
        assert completed.returncode == 3, completed.stderr
        assert f"bookworm: the connection was lost while {action}" in completed.stderr
        (digest,) = [name for name in list_bundles(bookworm) if not name.endswith(".tmp")]
        deadline = time.monotonic() + 60
        while _list_programs(bookworm, digest) or list_bundles(bookworm) != [digest]:
            assert time.monotonic() < deadline, _list_programs(bookworm, digest)
            time.sleep(0.5)
        # The bundle is complete and nothing is beside it. An environment without a stamp must not remain.
        check = f"cd .cache/edgetl/bundles/{digest}; test ! -d .venv || test -f .venv/set-up"
        assert bookworm.ssh(check).returncode == 0
    completed = bench(bookworm.config, "bookworm")
    assert completed.returncode == 0, completed.stderr
    assert list_bundles(bookworm) == [digest]


def _cut_when_created(board, relay, name: str) -> None:
    """Cut the relay once a path whose name ends like this exists on the board."""
    find = f'find .cache/edgetl/bundles -maxdepth 2 -name "*{name}" 2>/dev/null | grep -q .'
    board.ssh(f"for i in $(seq 600); do {find} && exit; sleep 0.5; done")
    relay.cut()


def _list_programs(board, digest: str) -> str:
    """Return the command lines of the bundle's programs that run on the board."""
    # The brackets keep grep from finding its own command line.
    pattern = f"[{digest[0]}]{digest[1:]}"
    return board.ssh(f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -a '{pattern}'").stdout
