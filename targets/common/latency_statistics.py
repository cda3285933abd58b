"""Latencies and counts in; percentiles, proportions and drift out, with confidence intervals. Pure numpy, for bench.py.

Results are dicts of plain numbers for JSON. Every interval is two-sided, with a confidence of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PERCENTILES = (50, 90, 99)
RESAMPLES = 1000

_Z = 1.959963984540054  # 97.5 % quantile of the standard normal distribution.
# Upper bound of the resampled latencies that are in memory at once: 4 MB as float64.
_RESAMPLED_AT_ONCE = 500_000

Statistics = dict[str, Any]


def summarize_latencies(latencies_ms: Sequence[float]) -> Statistics:
    """Summarize the latencies of many runs of one operation.

    Args:
        latencies_ms: at least one, in the order of the runs, milliseconds.

    Returns:
        runs, mean_ms, min_ms, max_ms, and p50, p90, p99 as {"ms", "low_ms", "high_ms"}: a percentile and the bounds of
        its interval. Percentiles are interpolated linearly between ranks, as in LiteRT's benchmark tool. With fewer
        than 100 runs the p99 is close to the maximum, and its interval is wide.

    Raises:
        ValueError: no latencies, or one that is negative or not finite.
    """
    latencies = np.asarray(latencies_ms, dtype=np.float64)
    if latencies.ndim != 1 or not latencies.size or not (np.isfinite(latencies).all() and latencies.min() >= 0):
        raise ValueError("latencies are finite milliseconds of at least 0, and at least one is needed")
    values = np.percentile(latencies, PERCENTILES)
    low, high = compute_percentile_intervals(latencies)
    return {
        "runs": int(latencies.size),
        "mean_ms": _round_ms(latencies.mean()),
        "min_ms": _round_ms(latencies.min()),
        "max_ms": _round_ms(latencies.max()),
        **{
            f"p{percentile}": {"ms": _round_ms(value), "low_ms": _round_ms(lower), "high_ms": _round_ms(upper)}
            for percentile, value, lower, upper in zip(PERCENTILES, values, low, high)  # noqa: B905  (Python 3.9)
        },
    }


def compute_percentile_intervals(
    latencies: np.ndarray[Any, Any], seed: int = 0
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Compute bootstrap intervals of the percentiles: lower and upper bounds, each float64 [percentiles].

    Blocks of consecutive runs are resampled, because slow runs come in groups. Resampling single runs would treat them
    as independent, and the intervals would be too narrow.

    Args:
        latencies: float64 [runs], in the order of the runs.
        seed: of the random generator; equal latencies give equal intervals.

    Source: circular block bootstrap, Politis and Romano (1992), in Exploring the Limits of Bootstrap, 263-270; blocks
    of length runs^(1/3), Hall, Horowitz and Jing (1995), Biometrika 82:561-574.
    """
    count = latencies.size
    length = max(1, round(count ** (1 / 3)))
    blocks = math.ceil(count / length)
    generator = np.random.default_rng(seed)
    offsets = np.arange(length)
    estimates = []
    at_once = max(1, _RESAMPLED_AT_ONCE // count)
    for start in range(0, RESAMPLES, at_once):
        block_starts = generator.integers(0, count, (min(at_once, RESAMPLES - start), blocks, 1))
        # Blocks continue at the beginning after the last run (circular), so that every run is equally likely. The last
        # block is cut to get exactly `count` runs.
        indices = ((block_starts + offsets) % count).reshape(len(block_starts), -1)[:, :count]
        estimates.append(np.percentile(latencies[indices], PERCENTILES, axis=1))
    low, high = np.percentile(np.concatenate(estimates, axis=1), (2.5, 97.5), axis=1)
    return low, high


def choose_threads(sweep: Mapping[int, Statistics]) -> int:
    """Choose the smallest number of threads whose median is not distinguishable from the fastest one.

    Two medians are distinguishable if their intervals do not overlap. Fewer threads leave cores to other programs.

    Args:
        sweep: number of threads → `summarize_latencies` of the runs with it, at least one.
    """
    fastest = min(sweep.values(), key=lambda summary: summary["p50"]["ms"])
    return min(threads for threads, summary in sweep.items() if summary["p50"]["low_ms"] <= fastest["p50"]["high_ms"])


def split_into_windows(at_s: Sequence[float], latencies_ms: Sequence[float], limit: int = 60) -> list[Statistics]:
    """Compute median and p90 of consecutive parts of a long run.

    Args:
        at_s: end of each run, seconds since the start, increasing.
        latencies_ms: latency of each run.
        limit: the largest number of windows. Their numbers of runs differ by at most one.

    Returns:
        at_s (end of the window), p50_ms, p90_ms of each window, in the order of time.
    """
    windows = []
    count = min(limit, len(latencies_ms))
    for index in range(count):
        rows = slice(index * len(latencies_ms) // count, (index + 1) * len(latencies_ms) // count)
        p50, p90 = np.percentile(latencies_ms[rows], (50, 90))
        windows.append({"at_s": round(at_s[rows][-1], 3), "p50_ms": _round_ms(p50), "p90_ms": _round_ms(p90)})
    return windows


def compute_drift(windows: Sequence[Statistics]) -> float:
    """Compute the growth of the latency: median of the last fifth of the windows over that of the first, minus 1.

    0.1 means 10 % slower at the end. A single window has a drift of 0.
    """
    fifth = max(1, len(windows) // 5)
    first, last = (
        float(np.median([window["p50_ms"] for window in part])) for part in (windows[:fifth], windows[-fifth:])
    )
    return round(last / first - 1, 4)


def compute_proportion(count: int, total: int) -> Statistics:
    """Compute a proportion and its Wilson score interval: {"value", "low", "high"}, 0..1.

    Raises:
        ValueError: `total` is 0, or `count` is not between 0 and `total`.

    Source: Wilson (1927), Journal of the American Statistical Association 22:209-212.
    """
    if not 0 <= count <= total or not total:
        raise ValueError(f"{count} of {total} is not a proportion")
    rate, z2 = count / total, _Z * _Z
    centre = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half_width = _Z * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    # At 0 and 1 the formula gives exactly 0 and 1; rounding errors must not lead out of that range.
    low = 0.0 if count == 0 else centre - half_width
    high = 1.0 if count == total else centre + half_width
    return {"value": round(rate, 6), "low": round(low, 6), "high": round(high, 6)}


def _round_ms(value: Any) -> float:
    """Round to 0.1 µs, the resolution of the clock."""
    return round(float(value), 4)
