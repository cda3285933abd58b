"""Rows, sentences and JSON of a sweep."""

import json
from dataclasses import replace

import pytest

from edgetl.core.sweep.results import SweepRow, explain_exceeded, order_by_preference, tabulate_gates, tabulate_sweep
from tests.fixtures.sweeps import EXACT, FAST, SLOW, make_result


def test_every_network_has_a_row_with_its_reason():
    title, columns, rows = tabulate_gates(make_result())
    assert "raspberry-pi-4" in title and "on pi@kitchen" in title
    assert all(len(row) == len(columns) for row in rows)
    assert rows[0] == ["mobilenet-0.25-96", "5.00", "300 kB", "85.0", "90.0", "90.0", "chosen, int8"]
    assert rows[1][1] == "~12.50" and rows[1][-1].startswith("not certainly more accurate")
    assert rows[2][3:6] == ["", "", ""] and rows[2][-1].startswith("not trained: 44.00 ms")


def test_table_for_a_terminal_has_the_accuracy_of_the_last_gate():
    title, columns, rows = tabulate_sweep(make_result())
    assert "validation photos, %" in title
    assert [row[columns.index("accuracy")] for row in rows] == ["90.0 file", "91.0 tuned", ""]
    assert [row[-1] for row in rows] == [row[-1] for row in tabulate_gates(make_result())[2]]


def test_estimate_has_two_digits_and_unknown_latency_none():
    row = SweepRow(candidate=FAST, ms=361.4, estimated=True, bytes=300_000, head=0.85)
    result = replace(make_result(), rows=(row, replace(row, ms=None)))
    assert [cells[1] for cells in tabulate_gates(result)[2]] == ["360", ""]
    assert explain_exceeded(row, 200.0, None) == "an estimate of 360 ms, at most 200 allowed"
    assert explain_exceeded(replace(row, ms=None), 200.0, None) == ""
    point = replace(row, ms=None).point
    assert point is not None and point.ms == 0


def test_latency_of_an_emulated_device_is_marked():
    row = SweepRow(candidate=FAST, ms=5.0, emulated=True, bytes=300_000, head=0.85)
    result = replace(make_result(), rows=(row,))
    assert tabulate_sweep(result)[2][0][1] == tabulate_gates(result)[2][0][1] == "5.00 emulated"


def test_row_that_goes_on_names_its_gate():
    result = replace(make_result(), rows=(SweepRow(candidate=FAST, gate="heads"),))
    assert tabulate_sweep(result)[2][0][-1] == "next: heads"


def test_sentences_state_optimism_and_the_difference_that_stays_unseen():
    text = "\n".join(make_result().describe())
    assert "300 validation photos" in text and "3.1 points" in text
    assert "0.40 points are the luck of the choice" in text and "400 photos that nothing was chosen on" in text


def test_unfinished_sweep_has_no_sentence_about_a_choice():
    assert not any("chosen" in line for line in make_result(choice=False).describe())


def test_json_has_all_values():
    record = json.loads(json.dumps(make_result().dump()))
    assert [row["name"] for row in record["rows"]] == [FAST.name, EXACT.name, SLOW.name]
    assert record["rows"][0]["base"] == "mobilenet" and record["rows"][0]["side_px"] == 96
    assert record["choice"]["optimism"] == 0.004 and record["detectable"] == 0.031


def test_accuracy_is_that_of_the_last_gate():
    row = SweepRow(candidate=FAST)
    assert row.accuracy is None and row.point is None
    assert replace(row, head=0.5).accuracy == 0.5
    assert replace(row, head=0.5, tuned=0.6, file=0.55).accuracy == 0.55
    point = replace(row, head=0.5, ms=1.0, bytes=2).point
    assert point is not None and (point.accuracy, point.ms, point.bytes) == (0.5, 1.0, 2)


@pytest.mark.parametrize(
    ("limit_ms", "limit_bytes", "words"),
    [(None, None, ""), (5.0, 300_000, ""), (4.0, None, "5.00 ms"), (None, 1000, "300000 bytes")],
)
def test_exceeded_limits_are_named(limit_ms, limit_bytes, words):
    reason = explain_exceeded(make_result().rows[0], limit_ms, limit_bytes)
    assert words in reason and bool(reason) == bool(words)


def test_fastest_or_smallest_comes_first():
    rows = [
        SweepRow(candidate=FAST, ms=5.0, bytes=900),
        SweepRow(candidate=EXACT, ms=9.0, bytes=300),
        SweepRow(candidate=SLOW, ms=5.0, bytes=800),
    ]
    assert order_by_preference(rows, "latency") == [2, 0, 1]
    assert order_by_preference(rows, "bytes") == [1, 2, 0]
