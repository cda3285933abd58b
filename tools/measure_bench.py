#!/usr/bin/env python3
"""Whether bench.py agrees with LiteRT's own benchmark: the same file, the same machine, the same threads.

    python tools/measure_bench.py RUN/bundle-tflite/bundle --threads 1 2

In each round, for each number of threads, one after the other: the bundle's bench.py, on golden photos, and
ai_edge_litert's tools/benchmark_litert_model.py, on its random numbers. Printed are the medians of one invocation in ms
and the median of the rounds' ratios. Exit code 1 where a ratio is further than 10 % from 1.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from edgetl.core.machine import count_cores, read_processor_name

AGREEMENT = 0.1


def main() -> None:
    """Measure, print, and judge."""
    options = _options()
    found = {threads: [_round(options, threads) for _ in range(options.rounds)] for threads in options.threads}
    rows = []
    for threads, rounds in found.items():
        ours, theirs = (statistics.median(pair[side] for pair in rounds) for side in (0, 1))
        ratio = statistics.median(pair[0] / pair[1] for pair in rounds)
        rows.append({"threads": threads, "bench_ms": ours, "litert_ms": theirs, "ratio": round(ratio, 4)})
    agree = all(abs(row["ratio"] - 1) <= AGREEMENT for row in rows)
    machine = {"cores": count_cores(), "processor": read_processor_name()}
    print(json.dumps({"machine": machine, "bundle": options.bundle.name, "rows": rows, "agree": agree}, indent=1))
    sys.exit(0 if agree else 1)


def _round(options: argparse.Namespace, threads: int) -> tuple[float, float]:
    """The median of one invocation by bench.py and by LiteRT's benchmark, ms."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(options.bundle / "bench.py"), "--threads", f"{threads}", "--soak", "0"]
        command += ["--runs", f"{options.runs}", "--out", folder, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.returncode)
        measure = json.loads(done.stdout)
        for reason in measure["reasons"]:
            print(f"INVALID: {reason}", file=sys.stderr)
        result = Path(folder) / "litert.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += [f"--model={options.bundle / 'model.tflite'}", f"--num_threads={threads}"]
        command += [f"--num_runs={options.runs}", f"--warmup_runs={options.runs // 4}", f"--result_json={result}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        theirs = json.loads(result.read_text(encoding="utf-8"))["latency"]["median_ms"]
    pair = measure["sweep"][0]["steady"]["p50"]["ms"], theirs
    print(f"{threads} threads: bench.py {pair[0]:.3f} ms, LiteRT {pair[1]:.2f} ms", file=sys.stderr)
    return pair


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether bench.py agrees with LiteRT's own benchmark.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
