"""measure_micro.py: what a build printed becomes a row, and rows become tables."""

import json

import numpy as np
import pytest

from edgetl.core.microcontroller.fit import NETWORKS
from tools.results_files import RESULTS, Results, read_results
from tools.tables import micro

HEADER = {"machine": "A, 2 cores", "date": "2026-11-28", "command": "python tools/measure_micro.py PHOTOS"}
DELIVERED = {
    "model_bytes": 311_000,
    "verdict": {"outcome": "PASS", "photos": 3, "reference_accuracy": 0.81234, "accuracy": 0.8},
    "memory": [
        {
            "arena_bytes": 109_376,
            "arena_measured_bytes": 104_304,
            "flash_bytes": 342_100,
            "multiplications": 7_490_432,
            "tflite_micro": "1.0",
        }
    ],
}
NPU = {
    "npu": "ethos-u55-128",
    "sram_bytes": 175_456,
    "flash_bytes": 227_328,
    "cycles": 444_946,
    "clock_hz": 500_000_000,
    "estimated_ms": 0.8899,
    "operators": 34,
    "fallback": ["GELU a"],
}


@pytest.fixture
def row(tmp_path):
    for module in ("tflite_micro", "ethosu"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'edgetl[micro,ethos]'")
    from tools.measure_micro import describe_build

    scores = np.float32([[0.5, 0.5], [1, 0], [0, 1]])
    for kernels, values in (("reference", scores), ("tflm", scores[::-1])):
        folder = tmp_path / f"score-tflite-int8-{kernels}-test"
        folder.mkdir()
        np.save(folder / "scores.npy", values)
    row = describe_build(("mobilenet", "0.25", "96"), DELIVERED, tmp_path)
    return json.loads(json.dumps({**row, "npus": [NPU]}))


def test_a_build_becomes_a_row(row):
    assert (row["network"], row["outcome"], row["accuracy"]) == ("mobilenet 0.25 at 96 px", "PASS", 0.8)
    assert (row["unequal_photos"], row["photos"], row["keras_accuracy"]) == (2, 3, 0.8123)
    assert 0 < row["low_ms"] <= row["high_ms"]


def test_rows_become_the_tables(row):
    results = Results(HEADER, [row])
    *_, line, st = micro.render_micro(results).splitlines()
    assert line.startswith("| mobilenet 0.25 at 96 px | PASS | 0.8123 → 0.8000 | 2 of 3 | 107 KiB | 304 KiB | ")
    assert "237 KiB | 407 KiB" in st and "measured by ST" in st
    npus = micro.render_npus(results).splitlines()[-1]
    assert "| 171 KiB | 222 KiB | 444,946 | 0.89 at 500 MHz | 33 of 34 |" in npus
    assert "arena: 109,376 bytes: 104,304 in tflite-micro 1.0" in micro.render_summary(results)
    assert "int8 takes 109376 bytes of arena, 100000 allowed; by estimate, these fit" in micro.render_message(results)


def test_measured_networks_are_those_of_the_estimate():
    rows = read_results(RESULTS / "micro_networks.jsonl").rows
    names = ("base", "alpha", "model_bytes", "head_bytes", "rest_bytes")
    assert [tuple(row[name] for name in names) for row in rows] == [
        tuple(getattr(network, name) for name in names) for network in NETWORKS
    ]


def test_a_board_has_a_side_for_each_network_that_fits():
    networks = read_results(RESULTS / "micro_networks.jsonl")
    rows = {line.split(" | ")[0]: line for line in micro.render_boards(networks).splitlines()[2:]}
    assert len(rows) == 6 and all(line.count("|") == 10 for line in rows.values())
    assert "none" in rows["| `arduino-nano-33-ble`"]
