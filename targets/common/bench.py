"""Benchmark this model on this device: python3 bench.py. Writes measure/measure.json and the plot measure/measure.svg.

The inputs are the golden photos, never noise. Exit code 0: valid, may be compared with other benchmarks. 1: marked
INVALID, because the board throttled, was busy, or did not run the fast kernels. 2: nothing could be measured.
"""

import posix
import sys

if __name__ == "__main__":
    # check_files.py verifies every file of this folder before one of them is imported: a file json.py, for example,
    # would run in place of Python's own. A link is not followed, and a pipe is not waited for.
    _folder = sys.path[0] if not getattr(sys.flags, "safe_path", sys.flags.isolated) else __file__.rpartition("/")[0]
    _checker = {"__name__": "check_files"}
    _verified = None
    try:
        with open(
            f"{_folder}/check_files.py",
            "rb",
            opener=lambda path, flags: posix.open(path, flags | posix.O_NOFOLLOW | posix.O_NONBLOCK),
        ) as _file:
            exec(_file.read(), _checker)  # noqa: S102
        _verified = _checker["verify_bundle"](_folder)  # type: ignore[operator]
    except Exception as _error:  # noqa: BLE001  (a changed file can raise anything)
        print(f"check_files.py: {_error!r}", file=sys.stderr)
    if _verified is not True:
        print("check_files.py changed: copy the bundle again", file=sys.stderr)
        sys.exit(2)

import argparse
import gc
import hashlib
import io
import json
import os
import platform
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import answers  # type: ignore[import-not-found]
    import board  # type: ignore[import-not-found]
    import latency_statistics  # type: ignore[import-not-found]
    import numpy as np
    import PIL
    import pixels  # type: ignore[import-not-found]
    import plots  # type: ignore[import-not-found]
    import printable  # type: ignore[import-not-found]
    import runtime  # type: ignore[import-not-found]
    import scoring  # type: ignore[import-not-found]
    import timing  # type: ignore[import-not-found]
    import validity  # type: ignore[import-not-found]
except ModuleNotFoundError as missing:
    print(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file", file=sys.stderr)
    sys.exit(2)

HERE = Path(__file__).resolve().parent
SCHEMA = 1


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the program and return its exit code."""
    options = _parse_arguments(arguments)
    try:
        facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
        if options.photos:
            # A wrong folder is reported now, not after minutes of measuring.
            scoring.check_one_class(facts)
            scoring.list_labelled_photos(options.photos, facts["output"]["labels"])
        options.out.mkdir(parents=True, exist_ok=True)
        measurement = measure_bundle(facts, options)
        provenance = facts["provenance"]
        title = f"{provenance['base']} {provenance['method']} on {measurement['board']['name']}"
        # measure.json is written last: where it exists, measure.svg is complete too.
        _write_file(options.out / "measure.svg", plots.draw_svg(measurement, title))
        text = json.dumps(measurement, ensure_ascii=False, allow_nan=False) + "\n"
        _write_file(options.out / "measure.json", text)
    except (scoring.FolderError, pixels.PhotoError) as error:
        print(printable.make_printable(str(error)), file=sys.stderr)
        return 2
    except OSError as error:
        print(f"no measure.json was written: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: no measure.json was written", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  (Python would exit with 1, which here means measured but INVALID)
        traceback.print_exc()
        print(f"no measure.json was written: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(measurement))
    else:
        lines = [*plots.draw_terminal_plot(measurement), *_format_summary(measurement)]
        # Names of sensors, governors and folders come from the board and the user.
        print("\n".join(map(printable.make_printable, [*lines, str(options.out / "measure.json")])))
    return 0 if measurement["valid"] else 1


def measure_bundle(facts: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Measure the bundle and return the content of measure.json: latencies, and all that is needed to compare them."""
    start_s, started_at = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    machine = board.Board(options.sysfs, options.vcgencmd)
    monitor = board.BoardMonitor(machine)
    stopwatch = timing.Stopwatch(HERE, facts, monitor)
    # A garbage collection during a run would be timed as part of the model.
    gc.disable()
    sweep = []
    for threads in [options.threads] if options.threads else range(1, board.count_cores() + 1):
        _report_progress(f"invoke, {_format_threads(threads)}")
        sweep.append(stopwatch.measure_invoke(threads, options.runs, options.seconds))
    best_threads = latency_statistics.choose_threads({row["threads"]: row["steady"] for row in sweep})
    model = stopwatch.load_model(best_threads)
    _report_progress(f"photo by photo, {_format_threads(best_threads)}")
    photo = stopwatch.measure_photo(model, options.runs, options.seconds)
    soak = accuracy = None
    if options.soak:
        _report_progress(f"invoke for {options.soak:g} s")
        soak = stopwatch.measure_soak(model, options.soak)
    if options.photos:
        _report_progress(f"accuracy on {options.photos}")
        thresholds = answers.Thresholds.load(facts, HERE)
        accuracy = scoring.score_photos(
            model, facts, options.photos, monitor.take_sample_if_due, thresholds if thresholds.is_set else None
        )
    monitor.take_sample()
    accelerated = all(row["accelerated"] for row in sweep)
    reasons = _list_invalid_reasons(facts, monitor, accelerated)
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
        "board": {**machine.describe(), "emulated": board.is_emulated()},
        "versions": _list_versions(),
        "accelerated": accelerated,
        "golden_photos": len(stopwatch.photos),
        "sweep": sweep,
        "best_threads": best_threads,
        "photo": photo,
        "soak": soak,
        "accuracy": accuracy,
        "memory": {"mean_bytes": monitor.compute_mean_resident_bytes(), "peak_bytes": machine.read_peak_bytes()},
        "throttled": board.decode_throttled(monitor.samples[-1].throttled),
        "others_cores": validity.compute_others_cores(monitor.samples),
        "watch": monitor.list_columns(),
        "unwatched": machine.unavailable,
    }


def _list_invalid_reasons(facts: dict[str, Any], monitor: Any, accelerated: bool) -> list[str]:
    machine = monitor.board
    highest_hz = machine.read_highest_hz()
    reasons: list[str] = validity.list_invalid_reasons(monitor.samples, highest_hz, raspberry=machine.raspberry)
    if facts["runtime"]["accelerated"] and not accelerated:
        reasons.append(f"{runtime.FAST_KERNELS} does not run: slower, and predictions may differ from the build")
    if board.is_emulated():
        reasons.append("the processor is emulated: these times are not those of any board")
    return reasons


def _list_versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        runtime.PACKAGE: runtime.get_version(),
    }


def _write_file(path: Path, text: str) -> None:
    """Write a text file completely or not at all: an older file remains until the new one is on the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # A board may lose its power at any time: without fsync the renamed file could be empty afterwards.
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        if temporary.exists():
            temporary.unlink()


def _format_summary(measurement: dict[str, Any]) -> list[str]:
    """Format the measurement as lines of text."""
    best = next(row for row in measurement["sweep"] if row["threads"] == measurement["best_threads"])
    lines = [f"load {best['load_ms']:.1f} ms, first invoke {best['first_ms']:.2f} ms"]
    for name, summary in (("invoke alone", best["steady"]), *measurement["photo"].items()):
        p50, p90, p99 = summary["p50"], summary["p90"], summary["p99"]
        interval = f"{p50['low_ms']:.3f} … {p50['high_ms']:.3f}"
        lines.append(f"{name:<12}  p50 {p50['ms']:8.3f} ms ({interval})  p90 {p90['ms']:8.3f}  p99 {p99['ms']:8.3f}")
    memory = [f"{name} {measurement['memory'][f'{name}_bytes'] or 0:,} bytes" for name in ("mean", "peak")]
    lines.append(f"memory of this process, including Python and numpy: {', '.join(memory)}")
    lines += [f"not available: {quantity} ({reason})" for quantity, reason in measurement["unwatched"].items()]
    if measurement["accuracy"]:
        accuracy = measurement["accuracy"]
        proportion = accuracy["accuracy"]
        lines.append(
            f"accuracy {proportion['value']:.4f} ({proportion['low']:.4f} … {proportion['high']:.4f}) "
            f"on {accuracy['photos']} photos, balanced {scoring.average_recalls(accuracy['per_label']):.4f}"
            + (f", {len(accuracy['unreadable'])} could not be read" if accuracy["unreadable"] else "")
        )
        if "decisions" in accuracy:
            lines.append(scoring.describe_decisions(accuracy["decisions"]))
    lines.append("valid" if measurement["valid"] else f"INVALID: {'; '.join(measurement['reasons'])}")
    return lines


def _format_threads(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _report_progress(text: str) -> None:
    # edgetl recognizes progress by the bullet when it runs this program over ssh or on the host.
    print(printable.make_printable(f"• {text}"), file=sys.stderr, flush=True)


def _parse_arguments(arguments: "Sequence[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmark this model on this device.")
    add = parser.add_argument
    add("--soak", type=_parse_seconds, default=60.0, metavar="S", help="invoke this long; 0: no soak (default: 60)")
    add("--photos", type=Path, metavar="DIR", help="compute the accuracy on photos in folders named after labels")
    add("--threads", type=_parse_count, metavar="N", help="only this number of threads (default: 1 to all cores)")
    add("--runs", type=_parse_count, default=100, metavar="N", help="smallest number of timed runs (default: 100)")
    add("--seconds", type=_parse_seconds, default=2.0, metavar="S", help="shortest duration of the runs (default: 2)")
    add("--out", type=Path, default=HERE / "measure", metavar="DIR", help="folder of the results (default: measure)")
    add("--json", action="store_true", help="print the content of measure.json")
    add("--sysfs", type=Path, default=Path("/sys"), metavar="DIR", help="replaces /sys, for tests")
    add("--vcgencmd", default="vcgencmd", metavar="PROGRAM", help="replaces vcgencmd, for tests")
    return parser.parse_args(arguments)


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 1000000")
    return seconds


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # The name of a folder may contain bytes, and a plot characters, that the encoding of the terminal lacks.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
