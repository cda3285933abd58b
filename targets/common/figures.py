"""Times and counts in; percentiles, shares and trends out, with intervals. Pure functions on numpy, for bench.py.

A figure is a dict of plain numbers that JSON can hold. Every interval is two-sided at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PERCENTILES = (50, 90, 99)
RESAMPLES = 1000

_Z = 1.959963984540054  # The 97.5 % point of the normal distribution.
_RESAMPLED_AT_ONCE = 500_000

Figure = dict[str, Any]


def summary(times_ms: Sequence[float]) -> Figure:
    """What many times of the same thing say.

    Args:
        times_ms: in the order they were taken, at least one, milliseconds.

    Returns:
        runs, mean_ms, min_ms, max_ms, and p50, p90, p99 as {"ms", "low_ms", "high_ms"}: the percentile between the
        bounds of its interval. With fewer than 100 runs the p99 is little more than the maximum; its interval shows it.

    Raises:
        ValueError: no times, or one that is no number or negative.
    """
    times = np.asarray(times_ms, dtype=np.float64)
    if times.ndim != 1 or not times.size or not (np.isfinite(times).all() and times.min() >= 0):
        raise ValueError("times are milliseconds from 0 on, at least one")
    found = np.percentile(times, PERCENTILES)
    low, high = interval(times)
    return {
        "runs": int(times.size),
        "mean_ms": _rounded(times.mean()),
        "min_ms": _rounded(times.min()),
        "max_ms": _rounded(times.max()),
        **{
            f"p{percentile}": {"ms": _rounded(value), "low_ms": _rounded(below), "high_ms": _rounded(above)}
            for percentile, value, below, above in zip(PERCENTILES, found, low, high)  # noqa: B905  (Python 3.9)
        },
    }


def interval(times: np.ndarray[Any, Any], seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The bootstrap intervals of the percentiles: their lower and their upper bounds, float64 [percentiles].

    Whole blocks of neighbouring times are drawn, since a slow run rarely comes alone: drawing single times would take
    them for independent and give intervals that are too narrow.

    Args:
        times: float64 [runs], in the order they were taken.
        seed: of the draws; the same times give the same interval.

    Source: circular block bootstrap, Politis and Romano (1992), in Exploring the Limits of Bootstrap, 263-270; blocks
    of length runs^(1/3), Hall, Horowitz and Jing (1995), Biometrika 82:561-574.
    """
    count = times.size
    length = max(1, round(count ** (1 / 3)))
    blocks = math.ceil(count / length)
    draws = np.random.default_rng(seed)
    within = np.arange(length)
    estimates = []
    at_once = max(1, _RESAMPLED_AT_ONCE // count)
    for done in range(0, RESAMPLES, at_once):
        starts = draws.integers(0, count, (min(at_once, RESAMPLES - done), blocks, 1))
        rows = ((starts + within) % count).reshape(len(starts), -1)[:, :count]
        estimates.append(np.percentile(times[rows], PERCENTILES, axis=1))
    low, high = np.percentile(np.concatenate(estimates, axis=1), (2.5, 97.5), axis=1)
    return low, high


def best_threads(sweep: Mapping[int, Figure]) -> int:
    """The fewest threads that cannot be told from the fastest: the intervals of their medians overlap.

    Args:
        sweep: threads → the `summary` of their times, at least one.
    """
    fastest = min(sweep.values(), key=lambda figure: figure["p50"]["ms"])
    return min(threads for threads, figure in sweep.items() if figure["p50"]["low_ms"] <= fastest["p50"]["high_ms"])


def windows(at_s: Sequence[float], times_ms: Sequence[float], most: int = 60) -> list[Figure]:
    """Latency over time: the median and p90 of each stretch of a long run.

    Args:
        at_s: when each run ended, seconds since the start, rising.
        times_ms: what it took.
        most: how many stretches at most, each of the same number of runs but for one.

    Returns:
        at_s (the end of the stretch), p50_ms, p90_ms; in the order of time.
    """
    figures = []
    parts = min(most, len(times_ms))
    for part in range(parts):
        rows = slice(part * len(times_ms) // parts, (part + 1) * len(times_ms) // parts)
        p50, p90 = np.percentile(times_ms[rows], (50, 90))
        figures.append({"at_s": round(at_s[rows][-1], 3), "p50_ms": _rounded(p50), "p90_ms": _rounded(p90)})
    return figures


def drift(stretches: Sequence[Figure]) -> float:
    """How much slower the end is than the beginning: the median of the last fifth over the first's, minus 1.

    0.1 is ten per cent slower. One stretch alone drifts by 0.
    """
    fifth = max(1, len(stretches) // 5)
    first, last = (
        float(np.median([stretch["p50_ms"] for stretch in part])) for part in (stretches[:fifth], stretches[-fifth:])
    )
    return round(last / first - 1, 4)


def share(count: int, total: int) -> Figure:
    """A share with its interval: {"value", "low", "high"}, 0..1.

    Raises:
        ValueError: a count that is none of `total`, or no total.

    Source: Wilson (1927), Journal of the American Statistical Association 22:209-212.
    """
    if not 0 <= count <= total or not total:
        raise ValueError(f"{count} of {total} is no share")
    rate, z2 = count / total, _Z * _Z
    centre = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == total else centre + half
    return {"value": round(rate, 6), "low": round(low, 6), "high": round(high, 6)}


def _rounded(value: Any) -> float:
    """To a tenth of a microsecond: the clock knows no more."""
    return round(float(value), 4)
