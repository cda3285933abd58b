"""demo_health.py on a board made of files."""

import threading
import time

import pytest


@pytest.fixture(scope="module")
def demo_health(import_payload):
    return import_payload("demo_health")


@pytest.fixture
def machine(import_payload, tmp_path):
    zone = tmp_path / "class" / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n", encoding="ascii")
    (zone / "temp").write_text("61250\n", encoding="ascii")
    program = tmp_path / "vcgencmd"
    program.write_text(
        "#!/bin/sh\ncase $1 in get_throttled) echo throttled=0x50005;; *) exit 1;; esac\n", encoding="ascii"
    )
    program.chmod(0o755)
    return import_payload("board").Board(tmp_path, str(program))


def test_facts_are_those_of_the_board(demo_health, machine):
    facts = demo_health.BoardHealth(machine, threading.Event()).facts
    assert facts["temperature_c"] == 61.25 and facts["name"]
    conditions = ["under-voltage", "throttled"]
    assert facts["throttled"] == {"now": conditions, "since_boot": conditions}
    assert facts["clock_hz"] is None and {"clock", "frequency"} <= facts["unwatched"].keys()


def test_facts_are_updated_until_the_stop_event_is_set(demo_health, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_health, "INTERVAL_S", 0.01)
    stop = threading.Event()
    health = demo_health.BoardHealth(machine, stop)
    health.start()
    (tmp_path / "class" / "thermal" / "thermal_zone0" / "temp").write_text("70000\n", encoding="ascii")
    deadline = time.perf_counter() + 30
    while health.facts["temperature_c"] != 70:
        assert time.perf_counter() < deadline, "the facts were not updated"
        time.sleep(0.005)
    stop.set()
    assert health.join(30)


def test_facts_that_the_board_does_not_report_are_none(demo_health, import_payload, tmp_path):
    machine = import_payload("board").Board(tmp_path, str(tmp_path / "no-vcgencmd"))
    facts = demo_health.BoardHealth(machine, threading.Event()).facts
    assert (facts["temperature_c"], facts["clock_hz"], facts["throttled"]) == (None, None, None)
    assert {"temperature", "throttling"} <= facts["unwatched"].keys()
