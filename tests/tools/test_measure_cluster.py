"""Decoding and features on nodes: what is counted, and the table."""

import os
import time
from pathlib import Path

import pytest

from tools import measure_cluster
from tools.measure_cluster import count_worker_seconds, measure_step
from tools.results_files import Results
from tools.tables.speed import render_cluster

TICKS = os.sysconf("SC_CLK_TCK")


def write_process(root: Path, number: int, command: bytes, seconds: tuple[int, int]) -> None:
    folder = root / str(number)
    folder.mkdir()
    (folder / "cmdline").write_bytes(command)
    user, system = (part * TICKS for part in seconds)
    # The name of a process may contain spaces and brackets.
    (folder / "stat").write_text(f"{number} (ray:: a) b) S 1 2 3 4 5 6 7 8 9 10 {user} {system} 0 0 20\n")


def test_processor_seconds_of_workers_are_added_up(tmp_path):
    write_process(tmp_path, 1, b"ray::run_ray_task", (2, 1))
    write_process(tmp_path, 2, b"ray::IDLE", (4, 0))
    write_process(tmp_path, 3, b"python\0tools/measure_cluster.py", (100, 100))
    # A process that has ended meanwhile has no files.
    (tmp_path / "4").mkdir()
    assert count_worker_seconds(tmp_path) == 7


def test_step_has_its_seconds_and_those_of_the_processors(monkeypatch):
    counts = iter([1.5, 4.0])
    monkeypatch.setattr(measure_cluster, "count_worker_seconds", lambda: next(counts))
    result, row = measure_step("decode", lambda: time.sleep(0.02) or "facts")
    assert result == "facts" and set(row) == {"decode_s", "decode_worker_cpu_s", "decode_own_cpu_s"}
    assert row["decode_worker_cpu_s"] == 2.5
    assert 0.02 <= row["decode_s"] < 2 and row["decode_own_cpu_s"] < row["decode_s"]


def test_table_has_a_row_for_each_number_of_nodes():
    row = {"nodes": 2, "load": 1.25, "photos": 400, "decode_s": 3.21, "decode_worker_cpu_s": 4.0}
    row |= {"decode_own_cpu_s": 0.5, "features_s": 9.99, "features_worker_cpu_s": 12.34, "features_own_cpu_s": 1.0}
    columns, _, line = render_cluster(Results({}, [row])).splitlines()
    assert line == "| 2 | 400 | 3.2 s | 4.0 s | 0.5 s | 10.0 s | 12.3 s | 1.0 s | 1.2 |"
    assert columns.startswith("| nodes | photos | decoding | workers | building machine | features |")


@pytest.mark.parametrize(("words", "nodes"), [([], [1, 2, 4]), (["--nodes", "1", "--nodes", "2"], [1, 2])])
def test_numbers_of_nodes(monkeypatch, words, nodes):
    monkeypatch.setattr("sys.argv", ["measure_cluster.py", "photos", "--weights", "a.h5", *words])
    assert measure_cluster._parse_options().nodes == nodes
