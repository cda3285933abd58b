#!/usr/bin/env python3
"""Measure files on one thread of this machine in turn, and for .onnx files the time of each type of operator.

    python tools/measure_onnx.py float32.onnx int8.onnx int8_u8s8.onnx int8.tflite --rounds 5

A build with `--target tflite --target onnx --target onnx-x86-64` has them in its folders convert-FORMAT-METHOD. The
latency is processor time, the lowest of the medians of all rounds: see `core/device/host_latency.py`. Each node of a
graph counts with the shortest of 100 invocations: onnxruntime's profile has the time on the wall, in which other
processes show.

With `--run RUN --like int8.onnx`, all test photos of a finished build are predicted with every .onnx file and compared
with the outputs of int8.onnx; every tenth of them also in the unoptimized graphs, whose operators compute what the file
states. That file is measured once more with signed activations turned into unsigned ones by onnxruntime
(`session.qdqisint8allowed` = 0).
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

from edgetl.core.device.host_latency import HostLatency, measure_host_latency
from edgetl.core.errors import ConfigError
from edgetl.core.formats import KernelSet
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Dataset, Trained
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.speed import render_onnx

_RESULTS_FILE = "onnx.jsonl"
_INVOCATIONS = 100
_MOST_OPERATORS = 4
# The unoptimized graph takes 20 times as long.
_EVERY = 10
_ENDING = "_kernel_time"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A file that is measured; `converts` is whether onnxruntime turns its signed activations into unsigned ones."""

    path: Path
    converts: bool = False
    kernels: KernelSet = "onnxruntime"

    @property
    def name(self) -> str:
        """Return the name in the table."""
        return f"{self.path.name}, qdqisint8allowed=0" if self.converts else self.path.name


def main() -> None:
    """Measure, print a table, and write its rows."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / _RESULTS_FILE)
    contestants = [Contestant(path) for path in options.files]
    if options.like:
        contestants.append(Contestant(options.like, converts=True))
    invocations = {contestant: _open(contestant) for contestant in contestants}
    rounds: dict[Contestant, list[HostLatency]] = {contestant: [] for contestant in contestants}
    for _ in range(options.rounds):
        for contestant, invoke in invocations.items():
            rounds[contestant].append(measure_host_latency(invoke))
    rows = [_make_row(contestant, latencies) for contestant, latencies in rounds.items()]
    if options.like:
        photos = _open_test_photos(options.run)
        for contestant, row in zip(contestants, rows, strict=True):
            if contestant.path.suffix == ".onnx" and contestant != Contestant(options.like):
                row |= {"like": options.like.name, **_compare(Contestant(options.like), contestant, photos)}
    print(render_onnx(rows))
    if options.write:
        write_rows(options.write / _RESULTS_FILE, rows, ("file",))


def compare_scores(expected: np.ndarray, scores: np.ndarray) -> Row:
    """Compare two predictions of the same photos, [photos, classes]: the values of a row."""
    return {
        "photos": len(expected),
        "other_class": int((expected.argmax(axis=1) != scores.argmax(axis=1)).sum()),
        "largest_difference": round(float(np.abs(expected - scores).max()), 4),
    }


def _compare(like: Contestant, contestant: Contestant, photos: Pixels) -> Row:
    everything = range(len(photos))
    row = compare_scores(_predict(like, photos, everything), _predict(contestant, photos, everything))
    if contestant.converts:
        return row
    few, (first, second) = everything[::_EVERY], (replace(one, kernels="reference") for one in (like, contestant))
    unoptimized = compare_scores(_predict(first, photos, few), _predict(second, photos, few))
    return {
        **row,
        "unoptimized_photos": len(few),
        "unoptimized_difference": unoptimized["largest_difference"],
    }


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


def _make_row(contestant: Contestant, latencies: list[HostLatency]) -> Row:
    row: Row = {
        "file": contestant.name,
        "rounds": len(latencies),
        "ms": min(latency.ms for latency in latencies),
        "disturbed": all(latency.disturbed for latency in latencies),
    }
    if contestant.path.suffix == ".onnx":
        operators = sum_operators(_profile(contestant))
        row["operators"] = {name: round(ms, 2) for name, ms in list(operators.items())[:_MOST_OPERATORS]}
    return row


def _open(contestant: Contestant) -> Callable[[], object]:
    """Open a file on one thread; return the function that predicts one photo of noise."""
    if contestant.path.suffix != ".onnx":
        interpreter = tflite_runtime.open_interpreter(contestant.path, tflite_runtime.RESOLVERS["xnnpack"])
        return lambda: interpreter.invoke()  # noqa: PLW0108  (the stub of LiteRT has no types)
    session = _open_session(contestant)
    feeds = _make_feeds(session)
    return lambda: session.run(None, feeds)


def _open_session(contestant: Contestant, profile: str = "") -> onnxruntime.InferenceSession:
    """Open an .onnx file; with a prefix for the file of a profile, its operators are measured."""
    options = onnx_runtime.make_session_options(contestant.kernels)
    if contestant.converts:
        # Replaces the value that edgetl sets.
        options.add_session_config_entry("session.qdqisint8allowed", "0")
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(str(contestant.path), options, providers=["CPUExecutionProvider"])


def _open_test_photos(run: Path) -> Pixels:
    dataset, trained = read_finished_stage(run / "ingest", Dataset), read_finished_stage(run / "train", Trained)
    if dataset is None or trained is None:
        raise ConfigError("not a finished build", where=(run,), hint="name the run folder of a build with --run")
    return pixel_store.open_pixels([photo.sha256 for photo in dataset.record.test], trained.record.input)


def _predict(contestant: Contestant, photos: Pixels, rows: Sequence[int]) -> np.ndarray:
    """Return the scores of some of the photos, [rows, classes]."""
    session = _open_session(contestant)
    (image,) = session.get_inputs()
    return np.concatenate([session.run(None, {image.name: photos.rows([row])})[0] for row in rows])


def _make_feeds(session: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    (image,) = session.get_inputs()
    dtype = np.uint8 if image.type == "tensor(uint8)" else np.float32
    return {image.name: np.random.default_rng(1).integers(0, 256, image.shape).astype(dtype)}


def _profile(contestant: Contestant) -> list[dict[str, Any]]:
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        session = _open_session(contestant, profile=f"{work}/profile")
        feeds = _make_feeds(session)
        for _ in range(_INVOCATIONS):
            session.run(None, feeds)
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return events


def _parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure files on one thread in turn, .onnx files by operator.")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", type=Path, help="a finished build, whose test photos are predicted")
    parser.add_argument("--like", type=Path, metavar="FILE", help="the .onnx file that the outputs are compared with")
    add_write_option(parser)
    options = parser.parse_args(arguments)
    if (options.run is None) != (options.like is None):
        parser.error("--run and --like belong together")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
