"""demo_health.py on a board made of files."""

import threading
import time

import pytest


@pytest.fixture(scope="module")
def healths(demo):
    return demo("demo_health")


@pytest.fixture
def machine(demo, tmp_path):
    zone = tmp_path / "class" / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n", encoding="ascii")
    (zone / "temp").write_text("61250\n", encoding="ascii")
    asked = tmp_path / "vcgencmd"
    asked.write_text(
        "#!/bin/sh\ncase $1 in get_throttled) echo throttled=0x50005;; *) exit 1;; esac\n", encoding="ascii"
    )
    asked.chmod(0o755)
    return demo("board").Board(tmp_path, str(asked))


def test_what_the_board_tells(healths, machine):
    facts = healths.Health(machine, threading.Event()).facts
    assert facts["temperature_c"] == 61.25 and facts["name"]
    words = ["under-voltage", "throttled"]
    assert facts["throttled"] == {"now": words, "since_boot": words}
    assert facts["clock_hz"] is None and {"clock", "frequency"} <= facts["unwatched"].keys()


def test_it_looks_again_until_it_is_stopped(healths, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(healths, "EVERY_S", 0.01)
    stop = threading.Event()
    health = healths.Health(machine, stop)
    health.start()
    (tmp_path / "class" / "thermal" / "thermal_zone0" / "temp").write_text("70000\n", encoding="ascii")
    end = time.perf_counter() + 5
    while health.facts["temperature_c"] != 70:
        assert time.perf_counter() < end
        time.sleep(0.005)
    stop.set()
    health._thread.join(5)
    assert not health._thread.is_alive()


def test_what_the_board_does_not_tell_is_none(healths, demo, tmp_path):
    machine = demo("board").Board(tmp_path, str(tmp_path / "no-vcgencmd"))
    facts = healths.Health(machine, threading.Event()).facts
    assert (facts["temperature_c"], facts["clock_hz"], facts["throttled"]) == (None, None, None)
    assert {"temperature", "throttling"} <= facts["unwatched"].keys()
