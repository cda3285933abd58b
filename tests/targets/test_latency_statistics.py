"""latency_statistics.py against published numbers, and its intervals against their nominal coverage."""

import json
import math

import numpy as np
import pytest


@pytest.fixture(scope="module")
def statistics(import_payload):
    return import_payload("latency_statistics")


def test_summary_of_101_equidistant_latencies(statistics):
    summary = statistics.summarize_latencies([float(ms) for ms in range(1, 102)])
    assert (summary["runs"], summary["mean_ms"], summary["min_ms"], summary["max_ms"]) == (101, 51.0, 1.0, 101.0)
    assert [summary[name]["ms"] for name in ("p50", "p90", "p99")] == [51.0, 91.0, 100.0]
    for name in ("p50", "p90", "p99"):
        assert summary[name]["low_ms"] <= summary[name]["ms"] <= summary[name]["high_ms"]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_percentiles_are_interpolated_between_ranks(statistics):
    # Linear between ranks, as in LiteRT's benchmark tool: rank (n - 1) p / 100.
    summary = statistics.summarize_latencies([1.0, 2.0, 4.0, 8.0])
    assert [summary[name]["ms"] for name in ("p50", "p90", "p99")] == pytest.approx([3.0, 6.8, 7.88])


def test_equal_latencies_have_intervals_of_width_zero(statistics):
    summary = statistics.summarize_latencies([2.5] * 40)
    assert summary["p99"] == {"ms": 2.5, "low_ms": 2.5, "high_ms": 2.5}
    assert statistics.summarize_latencies([7.0])["p50"] == {"ms": 7.0, "low_ms": 7.0, "high_ms": 7.0}


def test_equal_latencies_give_equal_summaries(statistics):
    latencies = np.random.default_rng(3).gamma(4, 1, 300).tolist()
    assert statistics.summarize_latencies(latencies) == statistics.summarize_latencies(latencies)


@pytest.mark.parametrize("latencies", [[], [1.0, math.nan], [math.inf], [-0.1], [[1.0]]])
def test_invalid_latencies_are_refused(statistics, latencies):
    with pytest.raises(ValueError, match="milliseconds"):
        statistics.summarize_latencies(latencies)


def measure_coverage(statistics, draw, median: float, trials: int) -> float:
    """Return the fraction of trials in which the interval of the median contains the true median."""
    count = 0
    for trial in range(trials):
        low, high = statistics.compute_percentile_intervals(draw(np.random.default_rng(trial)), seed=trial)
        count += low[0] <= median <= high[0]
    return count / trials


def test_interval_of_independent_latencies_covers_the_median_in_95_percent(statistics, monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 300)

    def draw(generator: np.random.Generator) -> np.ndarray:
        return generator.exponential(1, 200)

    assert 0.90 <= measure_coverage(statistics, draw, math.log(2), 200) <= 0.99


def draw_correlated(generator: np.random.Generator) -> np.ndarray:
    """Draw latencies with mean 10 in which consecutive ones have a correlation of 0.6."""
    noise = generator.normal(0, 0.8, 400)
    latencies = np.empty(400)
    previous = generator.normal()
    for index, step in enumerate(noise):
        previous = latencies[index] = 0.6 * previous + step
    return latencies + 10


def test_correlation_of_consecutive_latencies_widens_the_interval(statistics, monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 300)
    coverage = measure_coverage(statistics, draw_correlated, 10.0, 150)
    # Resampling single latencies would cover the median in about two of three cases only.
    assert coverage >= 0.85
    shuffled = measure_coverage(
        statistics, lambda generator: generator.permutation(draw_correlated(generator)), 10.0, 150
    )
    assert shuffled < coverage - 0.1


def test_resampling_in_parts_gives_a_similar_interval(statistics, monkeypatch):
    latencies = np.random.default_rng(1).gamma(4, 1, 1000)
    at_once = statistics.compute_percentile_intervals(latencies)
    monkeypatch.setattr(statistics, "_RESAMPLED_AT_ONCE", 3_000)
    in_parts = statistics.compute_percentile_intervals(latencies)
    np.testing.assert_allclose(at_once, in_parts, rtol=0.05)


def make_summary(low: float, middle: float, high: float) -> dict[str, dict[str, float]]:
    return {"p50": {"ms": middle, "low_ms": low, "high_ms": high}}


@pytest.mark.parametrize(
    ("sweep", "threads"),
    [
        ({1: make_summary(9, 10, 11)}, 1),
        ({1: make_summary(9, 10, 11), 2: make_summary(5, 6, 7), 4: make_summary(3, 3.5, 4)}, 4),
        # The intervals of three and four threads overlap: the smaller number is chosen.
        ({1: make_summary(9, 10, 11), 3: make_summary(3.9, 4.2, 4.4), 4: make_summary(3, 3.5, 4)}, 3),
        # More threads may be slower again.
        ({1: make_summary(9, 10, 11), 2: make_summary(5, 6, 7), 4: make_summary(8, 9, 10)}, 2),
    ],
)
def test_fewest_threads_that_are_not_distinguishable_from_the_fastest(statistics, sweep, threads):
    assert statistics.choose_threads(sweep) == threads


def test_windows_contain_every_run_once(statistics):
    at_s = [0.1 * run for run in range(1, 126)]
    windows = statistics.split_into_windows(at_s, [float(run) for run in range(125)], limit=60)
    assert len(windows) == 60
    assert windows[-1]["at_s"] == pytest.approx(12.5) and windows[0]["at_s"] == pytest.approx(0.2)
    assert [window["p50_ms"] for window in windows] == sorted(window["p50_ms"] for window in windows)
    assert windows[0]["p50_ms"] == 0.5 and windows[0]["p90_ms"] == pytest.approx(0.9)


def test_there_are_no_more_windows_than_runs(statistics):
    assert statistics.split_into_windows([1.0, 2.0], [3.0, 4.0]) == [
        {"at_s": 1.0, "p50_ms": 3.0, "p90_ms": 3.0},
        {"at_s": 2.0, "p50_ms": 4.0, "p90_ms": 4.0},
    ]


def test_drift_compares_the_last_fifth_with_the_first(statistics):
    windows = [{"p50_ms": 10.0}] * 12 + [{"p50_ms": 20.0}] * 36 + [{"p50_ms": 12.0}] * 12
    assert statistics.compute_drift(windows) == 0.2
    assert statistics.compute_drift(windows[:1]) == 0.0
    assert statistics.compute_drift(list(reversed(windows))) == pytest.approx(-0.1667)


def test_wilson_interval_is_that_of_the_literature(statistics):
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (count, total), (low, high) in published.items():
        proportion = statistics.compute_proportion(count, total)
        assert (round(proportion["low"], 4), round(proportion["high"], 4)) == (low, high)
        assert proportion["value"] == round(count / total, 6)
    assert statistics.compute_proportion(20, 20)["high"] == 1.0


@pytest.mark.parametrize(("count", "total"), [(-1, 3), (4, 3), (0, 0)])
def test_impossible_proportion_is_refused(statistics, count, total):
    with pytest.raises(ValueError, match="is not a proportion"):
        statistics.compute_proportion(count, total)
