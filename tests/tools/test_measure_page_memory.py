import pytest

pytest.importorskip("playwright")

from tools.measure_page_memory import read_resident_bytes, summarize_memory


def make_row(minute, page_bytes):
    values = {"webassembly_bytes": 5, "page_process_bytes": 7, "browser_bytes": 9}
    return {"minute": minute, "photos": 300 * minute, "left_out": 2, "page_bytes": page_bytes, **values}


def test_summary_has_the_first_last_and_largest_value_and_the_growth_of_the_second_half():
    # Caches fill in the first half, and the largest value is neither the first nor the last.
    values = [10, 400, 30, 1000, 1002, 1004, 1006, 1008]
    summary = summarize_memory([make_row(minute, value) for minute, value in enumerate(values, 1)])
    assert (summary["minutes"], summary["photos"], summary["left_out"]) == (8, 2400, 2)
    page = summary["page_bytes"]
    assert (page["first"], page["last"], page["largest"]) == (10, 1008, 1008)
    assert page["growth_and_standard_error_per_minute"] == [2, 0]
    assert summary["browser_bytes"]["growth_and_standard_error_per_minute"] == [0, 0]


def test_summary_of_a_few_minutes_has_no_growth():
    summary = summarize_memory([make_row(1, 40), make_row(2, 50), make_row(3, 20)])
    assert summary["page_bytes"] == {
        "first": 40,
        "last": 20,
        "largest": 50,
        "growth_and_standard_error_per_minute": [],
    }


def test_resident_memory_is_read_in_units_of_1024_bytes(tmp_path):
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "status").write_text("Name:\ta\nVmHWM:\t  99 kB\nVmRSS:\t     3 kB\n")
    assert read_resident_bytes(12, tmp_path) == 3072


def test_a_process_that_has_ended_has_no_memory(tmp_path):
    assert read_resident_bytes(12, tmp_path) == 0
