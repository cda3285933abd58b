"""figures.py against numbers worked out elsewhere, and its intervals against how often they hold what they should."""

import json
import math

import numpy as np
import pytest


@pytest.fixture(scope="module")
def figures(payload):
    return payload("figures")


def test_a_summary_of_known_times(figures):
    found = figures.summary([float(ms) for ms in range(1, 102)])
    assert (found["runs"], found["mean_ms"], found["min_ms"], found["max_ms"]) == (101, 51.0, 1.0, 101.0)
    assert [found[name]["ms"] for name in ("p50", "p90", "p99")] == [51.0, 91.0, 100.0]
    for name in ("p50", "p90", "p99"):
        assert found[name]["low_ms"] <= found[name]["ms"] <= found[name]["high_ms"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_percentiles_between_two_times_are_between_them(figures):
    # Linear between ranks, as LiteRT's own benchmark has it: rank (n - 1) p / 100.
    found = figures.summary([1.0, 2.0, 4.0, 8.0])
    assert [found[name]["ms"] for name in ("p50", "p90", "p99")] == pytest.approx([3.0, 6.8, 7.88])


def test_equal_times_have_no_width(figures):
    found = figures.summary([2.5] * 40)
    assert found["p99"] == {"ms": 2.5, "low_ms": 2.5, "high_ms": 2.5}
    assert figures.summary([7.0])["p50"] == {"ms": 7.0, "low_ms": 7.0, "high_ms": 7.0}


def test_the_same_times_give_the_same_interval(figures):
    times = np.random.default_rng(3).gamma(4, 1, 300).tolist()
    assert figures.summary(times) == figures.summary(times)


@pytest.mark.parametrize("times", [[], [1.0, math.nan], [math.inf], [-0.1], [[1.0]]])
def test_what_is_no_times(figures, times):
    with pytest.raises(ValueError, match="milliseconds"):
        figures.summary(times)


def held(figures, draw, truth: float, trials: int) -> float:
    """How often the interval of the median holds the true one."""
    inside = 0
    for trial in range(trials):
        low, high = figures.interval(draw(np.random.default_rng(trial)), seed=trial)
        inside += low[0] <= truth <= high[0]
    return inside / trials


def test_the_interval_of_independent_times_holds_as_often_as_it_says(figures, monkeypatch):
    monkeypatch.setattr(figures, "RESAMPLES", 300)
    assert 0.90 <= held(figures, lambda draws: draws.exponential(1, 200), math.log(2), 200) <= 0.99


def neighbours(draws: np.random.Generator) -> np.ndarray:
    """Times that depend on the one before: normal with mean 10, correlation 0.6."""
    noise = draws.normal(0, 0.8, 400)
    times = np.empty(400)
    last = draws.normal()
    for index, step in enumerate(noise):
        last = times[index] = 0.6 * last + step
    return times + 10


def test_neighbours_that_resemble_each_other_widen_the_interval(figures, monkeypatch):
    monkeypatch.setattr(figures, "RESAMPLES", 300)
    share = held(figures, neighbours, 10.0, 150)
    # Drawn one by one, as if independent, it would hold in about two of three cases.
    assert share >= 0.85
    shuffled = held(figures, lambda draws: draws.permutation(neighbours(draws)), 10.0, 150)
    assert shuffled < share - 0.1


def test_many_times_are_resampled_in_parts(figures, monkeypatch):
    times = np.random.default_rng(1).gamma(4, 1, 1000)
    whole = figures.interval(times)
    monkeypatch.setattr(figures, "_RESAMPLED_AT_ONCE", 3_000)
    parts = figures.interval(times)
    np.testing.assert_allclose(whole, parts, rtol=0.05)


def figure(low: float, middle: float, high: float) -> dict[str, dict[str, float]]:
    return {"p50": {"ms": middle, "low_ms": low, "high_ms": high}}


@pytest.mark.parametrize(
    ("sweep", "best"),
    [
        ({1: figure(9, 10, 11)}, 1),
        ({1: figure(9, 10, 11), 2: figure(5, 6, 7), 4: figure(3, 3.5, 4)}, 4),
        # Three threads cannot be told from four: the fewer are named.
        ({1: figure(9, 10, 11), 3: figure(3.9, 4.2, 4.4), 4: figure(3, 3.5, 4)}, 3),
        # More threads than help make it slower again.
        ({1: figure(9, 10, 11), 2: figure(5, 6, 7), 4: figure(8, 9, 10)}, 2),
    ],
)
def test_the_best_threads(figures, sweep, best):
    assert figures.best_threads(sweep) == best


def test_windows_cover_every_run_once(figures):
    at_s = [0.1 * run for run in range(1, 126)]
    found = figures.windows(at_s, [float(run) for run in range(125)], most=60)
    assert len(found) == 60
    assert found[-1]["at_s"] == pytest.approx(12.5) and found[0]["at_s"] == pytest.approx(0.2)
    assert [row["p50_ms"] for row in found] == sorted(row["p50_ms"] for row in found)
    assert found[0]["p50_ms"] == 0.5 and found[0]["p90_ms"] == pytest.approx(0.9)


def test_few_runs_make_few_windows(figures):
    assert figures.windows([1.0, 2.0], [3.0, 4.0]) == [
        {"at_s": 1.0, "p50_ms": 3.0, "p90_ms": 3.0},
        {"at_s": 2.0, "p50_ms": 4.0, "p90_ms": 4.0},
    ]


def test_drift_is_the_end_against_the_beginning(figures):
    rows = [{"p50_ms": 10.0}] * 12 + [{"p50_ms": 20.0}] * 36 + [{"p50_ms": 12.0}] * 12
    assert figures.drift(rows) == 0.2
    assert figures.drift(rows[:1]) == 0.0
    assert figures.drift(list(reversed(rows))) == pytest.approx(-0.1667)


def test_a_share_as_published(figures):
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (count, total), (low, high) in published.items():
        found = figures.share(count, total)
        assert (round(found["low"], 4), round(found["high"], 4)) == (low, high)
        assert found["value"] == round(count / total, 6)
    assert figures.share(20, 20)["high"] == 1.0


@pytest.mark.parametrize(("count", "total"), [(-1, 3), (4, 3), (0, 0)])
def test_what_is_no_share(figures, count, total):
    with pytest.raises(ValueError, match="no share"):
        figures.share(count, total)
