#!/usr/bin/env python3
"""Measure files on one thread of this machine in turn, and for .onnx files the time of each type of operator.

    python tools/measure_onnx.py float32.onnx int8.onnx int8_u8s8.onnx int8.tflite --rounds 5

A build with `--target tflite --target onnx --target onnx-x86-64` has them in its folders convert-FORMAT-METHOD. The
latency is processor time, the lowest of the medians of all rounds: see `core/device/host_latency.py`. Each node of a
graph counts with the shortest of 100 invocations: onnxruntime's profile has the time on the wall, in which other
processes show.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

from edgetl.core.device.host_latency import HostLatency, measure_host_latency
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.speed import render_onnx

_RESULTS_FILE = "onnx.jsonl"
_INVOCATIONS = 100
_MOST_OPERATORS = 4
_ENDING = "_kernel_time"


def main() -> None:
    """Measure, print a table, and write its rows."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / _RESULTS_FILE)
    invocations = {path: _open(path) for path in options.files}
    rounds: dict[Path, list[HostLatency]] = {path: [] for path in options.files}
    for _ in range(options.rounds):
        for path, invoke in invocations.items():
            rounds[path].append(measure_host_latency(invoke))
    rows = [_make_row(path, latencies) for path, latencies in rounds.items()]
    print(render_onnx(rows))
    if options.write:
        write_rows(options.write / _RESULTS_FILE, rows, ("file",))


def sum_operators(events: list[dict[str, Any]]) -> dict[str, float]:
    """Map each type of operator to the milliseconds of all its nodes, the longest first.

    Args:
        events: of a profile of onnxruntime: one for each invocation of a node, among others.
    """
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_ENDING):
            durations[event["args"]["op_name"], event["name"]].append(event["dur"])
    totals: dict[str, float] = defaultdict(float)
    for (operator, _), microseconds in durations.items():
        totals[operator] += min(microseconds) / 1000
    return dict(sorted(totals.items(), key=lambda pair: -pair[1]))


def _make_row(path: Path, latencies: list[HostLatency]) -> Row:
    row: Row = {
        "file": path.name,
        "rounds": len(latencies),
        "ms": min(latency.ms for latency in latencies),
        "disturbed": all(latency.disturbed for latency in latencies),
    }
    if path.suffix == ".onnx":
        operators = sum_operators(_profile(path))
        row["operators"] = {name: round(ms, 2) for name, ms in list(operators.items())[:_MOST_OPERATORS]}
    return row


def _open(path: Path) -> Callable[[], object]:
    """Open a file on one thread; return the function that predicts one photo of noise."""
    if path.suffix != ".onnx":
        interpreter = tflite_runtime.open_interpreter(path, tflite_runtime.RESOLVERS["xnnpack"])
        return lambda: interpreter.invoke()  # noqa: PLW0108  (the stub of LiteRT has no types)
    session = onnx_runtime.open_session(path, "onnxruntime")
    feeds = _make_feeds(session)
    return lambda: session.run(None, feeds)


def _make_feeds(session: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    (image,) = session.get_inputs()
    dtype = np.uint8 if image.type == "tensor(uint8)" else np.float32
    return {image.name: np.random.default_rng(1).integers(0, 256, image.shape).astype(dtype)}


def _profile(path: Path) -> list[dict[str, Any]]:
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        options = onnx_runtime.make_session_options("onnxruntime")
        options.enable_profiling, options.profile_file_prefix = True, f"{work}/profile"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        feeds = _make_feeds(session)
        for _ in range(_INVOCATIONS):
            session.run(None, feeds)
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return events


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure files on one thread in turn, .onnx files by operator.")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
