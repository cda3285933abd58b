"""Exact one-sided bounds and tests of a proportion."""

import math

# Halvings of the interval 0..1: more than a float64 can resolve.
_HALVINGS = 60


def compute_lower_tail(events: int, trials: int, probability: float) -> float:
    """Compute the probability of at most `events` events in `trials` independent trials of the same probability."""
    if probability <= 0 or events >= trials:
        return 1.0
    if probability >= 1:
        return 0.0
    log_odds = math.log(probability) - math.log1p(-probability)
    term = trials * math.log1p(-probability)
    logs = [term]
    for count in range(1, events + 1):
        term += math.log(trials - count + 1) - math.log(count) + log_odds
        logs.append(term)
    # The largest term first: each term for itself can be below the smallest float64.
    largest = max(logs)
    return min(1.0, math.exp(largest) * math.fsum(math.exp(value - largest) for value in logs))


def compute_upper_bound(events: int, trials: int, *, confidence: float) -> float:
    """Compute the one-sided upper bound of a probability.

    Args:
        events: observed events.
        trials: independent trials.
        confidence: at least this share of such bounds is not below the probability, 0..1.

    Returns:
        The bound; 1 where there are no trials.

    Source: Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 26:404-413.
    """
    if events >= trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if compute_lower_tail(events, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
