"""measurement_tables.py: measurements are compared only where they are valid and of devices."""

import pytest

from edgetl.core.device.measurement import Measurement
from edgetl.core.report.measurement_tables import (
    list_measurement_issues,
    summarize_fleet,
    tabulate_boards,
    tabulate_fleet,
    tabulate_measurements,
    tabulate_photo_times,
)


@pytest.fixture
def measurement(measure_json) -> Measurement:
    return Measurement.model_validate(measure_json)


def test_measurements_are_rows_and_the_fastest_is_marked(measure_json):
    slow = Measurement.model_validate({**measure_json, "best_threads": 4})
    fast = slow.model_copy(update={"sweep": (slow.best.model_copy(update={"steady": slow.photo.decode}),)})
    throttled = slow.model_copy(update={"valid": False, "reasons": ("throttled during the run",)})
    measured = [("pi@a", slow), ("pi@b", fast), ("pi@c", throttled)]
    title, columns, rows = tabulate_measurements(measured)
    assert title.startswith("milliseconds on the devices") and len(columns) == len(rows[0])
    assert [row[-1] for row in rows] == ["", "fastest", "INVALID"]
    assert rows[0][:3] == ["pi@a", "4.00", "3.60 … 4.40"]
    title, columns, rows = tabulate_boards(measured)
    assert title == "start and memory on the devices" and len(columns) == len(rows[0])
    assert rows[0][:3] == ["pi@a", "4 of 4", "20.0"]
    assert rows[0][4:] == ["80.00 MB", "Raspberry Pi 4 Model B Rev 1.4"]


def test_invalid_measurement_is_never_the_fastest(measurement):
    invalid = measurement.model_copy(update={"valid": False, "reasons": ("busy",)})
    rows = tabulate_measurements([("a", invalid), ("b", measurement)])[2]
    assert [row[-1] for row in rows] == ["INVALID", ""]


def test_unknown_memory_is_named_unknown(measurement):
    memory = measurement.memory.model_copy(update={"peak_bytes": None})
    rows = tabulate_boards([("pi", measurement.model_copy(update={"memory": memory}))])[2]
    assert rows[0][4] == "unknown"


def test_title_names_the_host(measurement):
    assert "on the host, not the device" in tabulate_measurements([("host", measurement)])[0]
    assert "on the host, not the device" in tabulate_boards([("host", measurement)])[0]


def test_latency_of_a_photo_is_listed_step_by_step(measurement):
    title, columns, rows = tabulate_photo_times(measurement)
    assert title == "one photo on Raspberry Pi 4 Model B Rev 1.4, ms" and columns[0] == "step"
    assert [row[:2] for row in rows] == [
        ["decode", "1.000"],
        ["preprocess", "2.000"],
        ["invoke", "4.000"],
        ["postprocess", "0.500"],
        ["total", "7.500"],
    ]


def test_valid_measurement_has_no_issues(measurement):
    assert list_measurement_issues("pi", measurement) == []


def test_issues_are_the_reasons_and_the_sensors_that_were_not_read(measurement):
    invalid = measurement.model_copy(
        update={"valid": False, "reasons": ("hot", "busy"), "unwatched": {"load": "no /proc"}}
    )
    assert list_measurement_issues("pi", invalid) == [
        "pi: INVALID, do not compare: hot; busy",
        "pi: not monitored: load",
    ]


def test_many_devices_have_one_line_each_and_the_slowest_is_first(measurement):
    fast = measurement.model_copy(
        update={"sweep": (measurement.best.model_copy(update={"steady": measurement.photo.decode}),)}
    )
    invalid = measurement.model_copy(update={"valid": False})
    measured = [("pi@invalid", invalid), ("pi@fast", fast), ("pi@slow", measurement)]
    title, columns, rows = tabulate_fleet(measured, 10)
    assert [row[0] for row in rows] == ["pi@slow", "pi@fast", "pi@invalid"] and len(columns) == len(rows[0])
    assert "3 devices" in title and "shown" not in title
    title, _, rows = tabulate_fleet(measured, 2)
    assert len(rows) == 2 and "2 of them shown" in title


def test_spread_of_many_devices_is_a_sentence(measurement):
    fast = measurement.model_copy(
        update={"sweep": (measurement.best.model_copy(update={"steady": measurement.photo.decode}),)}
    )
    invalid = measurement.model_copy(update={"valid": False})
    assert summarize_fleet([fast, measurement, measurement, invalid], 2) == (
        "4 of 6 devices were measured; 1 of them INVALID; invoke takes 4.00 ms on the median device (1.00 … 4.00)"
    )
    assert summarize_fleet([], 3) == "0 of 3 devices were measured"
