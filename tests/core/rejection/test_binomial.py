import pytest
from scipy import stats

from edgetl.core.rejection.binomial import compute_lower_tail, compute_upper_bound


@pytest.mark.parametrize("trials", [1, 7, 100, 5000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("probability", [0.001, 0.02, 0.5, 0.99])
def test_lower_tail_is_that_of_scipy(trials, share, probability):
    events = round(share * trials)
    expected = stats.binom.cdf(events, trials, probability)
    assert compute_lower_tail(events, trials, probability) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_tail_of_certain_and_impossible_events():
    assert compute_lower_tail(0, 5, 0.0) == 1.0
    assert compute_lower_tail(4, 5, 1.0) == 0.0
    assert compute_lower_tail(5, 5, 1.0) == 1.0


@pytest.mark.parametrize(("events", "trials"), [(0, 1), (0, 59), (3, 100), (99, 100), (20, 5000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_bound_is_that_of_scipy(events, trials, confidence):
    expected = stats.binomtest(events, trials, alternative="less").proportion_ci(confidence, "exact").high
    assert compute_upper_bound(events, trials, confidence=confidence) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("events", "trials"), [(0, 0), (3, 3)])
def test_bound_without_a_success_is_one(events, trials):
    assert compute_upper_bound(events, trials, confidence=0.95) == 1.0
