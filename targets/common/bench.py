"""Measures this model on this device: python3 bench.py. Writes measure/measure.json and, as a picture, measure.svg.

The golden photos go through it, never noise. Exit code 0 if the figures may be compared with others; 1 if they are
marked INVALID, since the board throttled, was busy, or did not run the fast kernels; 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import board  # type: ignore[import-not-found]
    import figures  # type: ignore[import-not-found]
    import numpy as np
    import PIL
    import pixels  # type: ignore[import-not-found]
    import plots  # type: ignore[import-not-found]
    import runtime  # type: ignore[import-not-found]
    import scoring  # type: ignore[import-not-found]
    import timing  # type: ignore[import-not-found]
except ModuleNotFoundError as missing:
    print(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file", file=sys.stderr)
    sys.exit(2)

HERE = Path(__file__).resolve().parent
SCHEMA = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code."""
    options = _options(arguments)
    try:
        facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
        if options.photos:
            scoring.listed(options.photos, facts["output"]["labels"])  # Before minutes are spent on the rest.
        options.out.mkdir(parents=True, exist_ok=True)
        measure = measured(facts, options)
        title = f"{facts['provenance']['base']} {facts['provenance']['method']} on {measure['board']['name']}"
        # measure.json last, and each file whole or not at all: what counts is there only when everything is.
        _write(options.out / "measure.svg", plots.svg(measure, title))
        _write(options.out / "measure.json", json.dumps(measure, ensure_ascii=False, allow_nan=False) + "\n")
    except (scoring.FolderError, pixels.PhotoError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"no measure.json was written: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: no measure.json was written", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  (Python would end with 1, which here says that it was measured)
        traceback.print_exc()
        print(f"no measure.json was written: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(measure))
    else:
        print("\n".join([*plots.terminal(measure), *_told(measure), f"{options.out / 'measure.json'}"]))
    return 0 if measure["valid"] else 1


def measured(facts: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Everything that stands in measure.json: figures, and all that one must know to compare them."""
    start_s, started_at = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    machine = board.Board(options.sysfs, options.vcgencmd)
    watch = board.Watch(machine)
    stopwatch = timing.Stopwatch(HERE, facts, watch)
    gc.disable()  # A collection in the middle of a run would be timed as the model's.
    sweep = []
    for threads in [options.threads] if options.threads else range(1, board.cores() + 1):
        _say(f"invoke, {threads} thread{'s' if threads > 1 else ''}")
        sweep.append(stopwatch.invoke(threads, options.runs, options.seconds))
    best = figures.best_threads({row["threads"]: row["steady"] for row in sweep})
    model = stopwatch.model(best)
    _say(f"photo by photo, {best} thread{'s' if best > 1 else ''}")
    photo = stopwatch.photo(model, options.runs, options.seconds)
    soak = accuracy = None
    if options.soak:
        _say(f"invoke for {options.soak:g} s")
        soak = stopwatch.soak(model, options.soak)
    if options.photos:
        _say(f"accuracy on {options.photos}")
        accuracy = scoring.scored(model, facts, options.photos, watch.look_if_due)
    watch.look()
    accelerated = all(row["accelerated"] for row in sweep)
    reasons = board.reasons(watch.looks, machine.highest_hz(), raspberry=machine.raspberry)
    if facts["runtime"]["accelerated"] and not accelerated:
        reasons.append(f"{runtime.FAST} does not run: slower, and answers may differ from the build's")
    if board.emulated():
        reasons.append("the processor is emulated: these times are no board's speed")
    return {
        "schema": SCHEMA,
        "valid": not reasons,
        "reasons": reasons,
        "started_at": started_at,
        "seconds": round(time.perf_counter() - start_s, 1),
        "target": facts["target"],
        "base": facts["provenance"]["base"],
        "method": facts["provenance"]["method"],
        "model_sha256": hashlib.sha256((HERE / facts["model"]).read_bytes()).hexdigest(),
        "board": {**machine.facts(), "emulated": board.emulated()},
        "versions": _versions(),
        "accelerated": accelerated,
        "golden_photos": len(stopwatch.photos),
        "sweep": sweep,
        "best_threads": best,
        "photo": photo,
        "soak": soak,
        "accuracy": accuracy,
        "memory": {"mean_bytes": watch.mean_resident_bytes(), "peak_bytes": machine.peak_bytes()},
        "throttled": board.decoded(watch.looks[-1].throttled),
        "others_cores": board.others_cores(watch.looks),
        "watch": watch.series(),
        "unwatched": machine.unwatched,
    }


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        runtime.PACKAGE: runtime.version(),
    }


def _write(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with work.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        work.replace(path)
    finally:
        if work.exists():
            work.unlink()


def _told(measure: dict[str, Any]) -> list[str]:
    """The figures as people read them."""
    chosen = next(row for row in measure["sweep"] if row["threads"] == measure["best_threads"])
    lines = [f"load {chosen['load_ms']:.1f} ms, first invoke {chosen['first_ms']:.2f} ms"]
    for name, figure in (("invoke alone", chosen["steady"]), *measure["photo"].items()):
        p50, p90, p99 = figure["p50"], figure["p90"], figure["p99"]
        between = f"{p50['low_ms']:.3f} … {p50['high_ms']:.3f}"
        lines.append(f"{name:<12}  p50 {p50['ms']:8.3f} ms ({between})  p90 {p90['ms']:8.3f}  p99 {p99['ms']:8.3f}")
    memory = [f"{name} {measure['memory'][f'{name}_bytes'] or 0:,} bytes" for name in ("mean", "peak")]
    lines.append(f"memory of this program, Python and numpy included: {', '.join(memory)}")
    lines += [f"not watched: {what} ({why})" for what, why in measure["unwatched"].items()]
    if measure["accuracy"]:
        found = measure["accuracy"]
        share = found["accuracy"]
        lines.append(
            f"accuracy {share['value']:.4f} ({share['low']:.4f} … {share['high']:.4f}) on {found['photos']} photos"
            + (f", {len(found['unreadable'])} could not be read" if found["unreadable"] else "")
        )
    lines.append("valid" if measure["valid"] else f"INVALID: {'; '.join(measure['reasons'])}")
    return lines


def _say(text: str) -> None:
    print(f"• {text}", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure this model on this device.")
    parser.add_argument("--soak", type=_seconds, default=60.0, metavar="SECONDS", help="invoke this long; 0: not (60)")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photos in folders named after their labels: score")
    parser.add_argument("--threads", type=_count, metavar="N", help="this many alone, not 1 to all cores")
    parser.add_argument("--runs", type=_count, default=100, metavar="N", help="time each thing at least so often (100)")
    parser.add_argument("--seconds", type=_seconds, default=2.0, metavar="S", help="and at least so long (2)")
    parser.add_argument("--out", type=Path, default=HERE / "measure", metavar="DIR", help="where it is written")
    parser.add_argument("--json", action="store_true", help="print the content of measure.json")
    parser.add_argument(
        "--sysfs", type=Path, default=Path("/sys"), metavar="DIR", help="look for the board here (/sys)"
    )
    parser.add_argument("--vcgencmd", default="vcgencmd", metavar="PROGRAM", help="ask this about throttling")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 1e6:
        raise argparse.ArgumentTypeError("seconds, from 0 to a million")
    return seconds


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A folder's name may hold bytes, and a plot characters, that the terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
