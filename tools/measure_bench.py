#!/usr/bin/env python3
"""Compare bench.py with LiteRT's own benchmark: same file, same machine, same number of threads.

    python tools/measure_bench.py RUN/bundle-tflite/bundle --threads 1 2

Each round runs both in turn for each number of threads: the bundle's bench.py on golden photos, and
ai_edge_litert's tools/benchmark_litert_model.py on random numbers. The medians of one invocation in ms and the median
of the rounds' ratios are printed. Exit code 1 if a ratio differs from 1 by more than 10 %.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_LARGEST_DIFFERENCE = 0.1


def main() -> None:
    """Measure, print and compare."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "bench.jsonl")
    rows: list[Row] = []
    for threads in options.threads:
        rounds = [_measure_round(options, threads) for _ in range(options.rounds)]
        bench_ms, litert_ms = (statistics.median(pair[index] for pair in rounds) for index in (0, 1))
        # Ratios within a round, because the pace of a shared machine changes from round to round.
        ratio = round(statistics.median(pair[0] / pair[1] for pair in rounds), 4)
        row = {"threads": threads, "rounds": options.rounds, "bench_ms": round(bench_ms, 3), "litert_ms": litert_ms}
        rows.append({**row, "ratio": ratio})
    if options.write:
        write_rows(options.write / "bench.jsonl", rows, ("threads",))
    agree = all(abs(row["ratio"] - 1) <= _LARGEST_DIFFERENCE for row in rows)
    summary = {"machine": describe_machine(), "bundle": options.bundle.name, "rows": rows, "agree": agree}
    print(json.dumps(summary, indent=1))
    sys.exit(0 if agree else 1)


def _measure_round(options: argparse.Namespace, threads: int) -> tuple[float, float]:
    """Return the median of one invocation by bench.py and by LiteRT's benchmark, ms."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(options.bundle / "bench.py"), "--threads", f"{threads}", "--soak", "0"]
        command += ["--runs", f"{options.runs}", "--out", folder, "--json"]
        bench = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        # 1: measured, but the machine was throttled or busy. The reasons are printed below.
        if bench.returncode not in (0, 1):
            sys.exit(bench.returncode)
        measurement = json.loads(bench.stdout)
        for reason in measurement["reasons"]:
            print(f"INVALID: {reason}", file=sys.stderr)
        if measurement["reasons"] and options.write:
            sys.exit("an invalid measurement is not written: repeat it on an idle machine")
        result = Path(folder) / "litert.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += [f"--model={options.bundle / 'model.tflite'}", f"--num_threads={threads}"]
        command += [f"--num_runs={options.runs}", f"--warmup_runs={options.runs // 4}", f"--result_json={result}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        litert_ms = json.loads(result.read_text(encoding="utf-8"))["latency"]["median_ms"]
    bench_ms = measurement["sweep"][0]["steady"]["p50"]["ms"]
    print(f"{threads} threads: bench.py {bench_ms:.3f} ms, LiteRT {litert_ms:.2f} ms", file=sys.stderr)
    return bench_ms, litert_ms


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare bench.py with LiteRT's own benchmark.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
