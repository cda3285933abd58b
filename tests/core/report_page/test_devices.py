"""Measurements are shown with what slowed the board down."""

from dataclasses import replace

import pytest

from edgetl.core.report_page.devices import collect_devices, describe_throttling
from tests.fixtures.reports import add_measurements, make_report


@pytest.fixture
def facts(measure_json):
    run, target = make_report()
    return run, add_measurements(target, [("pi@a", measure_json)])


def test_board_that_throttled_before_is_named(facts):
    row = collect_devices(*facts)["rows"][0]
    assert row["throttling"][0] == "throttling at the end: none; since the board started: under-voltage"
    assert not row["is_throttled"] and "temperature: 50 °C" in row["throttling"]
    assert row["times"][0][0] == "invoke" and row["times"][-1][0] == "a whole photo"


def test_board_that_throttles_now_is_marked(measure_json):
    run, target = make_report()
    measure_json["throttled"]["now"] = ["soft temperature limit"]
    values = collect_devices(run, add_measurements(target, [("pi@a", measure_json)]))
    assert values["rows"][0]["is_throttled"]


def test_board_that_does_not_report_it_is_no_board_without_it(measure_json):
    _, target = make_report()
    measure_json |= {"throttled": None, "others_cores": None, "unwatched": {"clock": "no vcgencmd"}}
    (_, measurement), *_ = add_measurements(target, [("host", measure_json)]).measurements
    lines = describe_throttling(measurement)
    assert lines[0] == "throttling: the board does not report it" and "not monitored: clock" in lines


def test_drift_of_a_soak_test_has_a_direction(measure_json):
    _, target = make_report()
    measure_json["soak"] = {"start_s": 0.0, "seconds": 60.0, "invokes": 9, "windows": [], "drift": 0.125}
    (_, measurement), *_ = add_measurements(target, [("pi", measure_json)]).measurements
    assert "60 s without a pause: at the end 12.5% slower than at the beginning" in describe_throttling(measurement)


def test_latency_of_a_device_that_measured_another_file_since_is_kept(facts):
    run, target = facts
    devices = {"pi@a": {"a" * 64: 4.0}, "pi@b": {"a" * 64: 7.0}, "pi@c": {"x": 1.0}}
    result = target.result.model_copy(update={"device_ms": devices})
    assert collect_devices(run, replace(target, result=result))["others"] == [("pi@b", 7.0)]


def test_many_devices_are_one_table_above_the_details(measure_json):
    run, target = make_report()
    names = [f"pi@{index}" for index in range(50)]
    values = collect_devices(run, add_measurements(target, [(name, measure_json) for name in ("host", *names)]))
    title, columns, rows, sentence = values["fleet"]
    assert "50 devices" in title and len(rows) == 50 and len(columns) == len(rows[0]) and len(values["rows"]) == 51
    assert sentence.startswith("50 of 50 devices were measured")
    few = collect_devices(run, add_measurements(target, [(name, measure_json) for name in names[:8]]))
    assert few["fleet"] is None


def test_run_without_measurements_has_no_section():
    assert collect_devices(*make_report()) is None
