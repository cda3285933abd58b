"""Predictions of several models for the same photos → which models are certainly worse than another one.

Every two models are compared by the photos that only one of them predicts correctly. The best of them was found on the
same photos, so that a comparison with it alone would favour it: all pairs are one family of tests.
"""

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.design_effect import measure_design_effect

_NORMAL = NormalDist()
# The standard error of the optimism is then about a twentieth of that of an accuracy.
_DRAWS = 400


@dataclass(frozen=True, eq=False, slots=True)
class PairedTests:
    """Tests of every two of several models.

    Attributes:
        correct: bool [models, decisions], whether each model decides rightly.
        effects: float [models, models], the design effect of the difference of each pair; 1 for independent photos.
    """

    correct: NDArray[np.bool_]
    effects: NDArray[np.float64]

    def compute_p_values(self) -> NDArray[np.float64]:
        """Compute the two-sided p-value of each pair: [models, models], symmetric, 1 where two decide alike.

        The statistic is the score statistic of equal accuracies, divided by the design effect.

        Source: McNemar (1947), Psychometrika 12:153-157; with groups, Yang, Sun and Hardin (2010), Biometrical Journal
        52:638-652.
        """
        right = self.correct.astype(np.float64)
        # Photos that the first of a pair alone decides rightly: [models, models].
        only = right @ (1 - right).T
        differing = only + only.T
        square = np.divide((only - only.T) ** 2, differing * self.effects, out=np.zeros_like(only), where=differing > 0)
        return np.array([[2 * (1 - _NORMAL.cdf(value)) for value in row] for row in np.sqrt(square)])

    def find_worse(self, confidence: float = 0.95) -> dict[int, int]:
        """Map each model that is certainly worse to the most accurate one of those that are certainly better.

        With this confidence, no model is called worse that is not: Holm's correction over all pairs.

        Args:
            confidence: of all statements together, between 0 and 1.

        Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
        6:65-70. The family is all pairs, as in Hansen, Lunde and Nason (2011), The model confidence set, Econometrica
        79:453-497, because the best model is found on the same photos.
        """
        models = len(self.correct)
        accuracies = self.correct.mean(axis=1)
        p_values = self.compute_p_values()
        pairs = sorted((p_values[a, b], a, b) for a in range(models) for b in range(a))
        worse: dict[int, int] = {}
        for place, (p_value, *pair) in enumerate(pairs):
            if p_value > (1 - confidence) / (len(pairs) - place):
                break
            low, high = sorted(pair, key=lambda index: accuracies[index])
            if low not in worse or accuracies[high] > accuracies[worse[low]]:
                worse[low] = high
        return worse


def make_paired_tests(correct: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> PairedTests:
    """Make the tests of several models.

    Args:
        correct: bool [models, decisions].
        clusters: int [decisions], numbers of the groups that are not independent of each other; None for independent
            decisions.
    """
    models = len(correct)
    effects = np.ones((models, models))
    if clusters is not None:
        signed = correct.astype(np.int64)
        for a in range(models):
            for b in range(a):
                effects[a, b] = effects[b, a] = measure_design_effect(signed[a] - signed[b], clusters)
    return PairedTests(correct, effects)


def choose_model(tests: PairedTests, preference: NDArray[np.integer], confidence: float = 0.95) -> int:
    """Return the first model, in order of preference, that is not certainly worse than another one.

    Args:
        tests: of the models.
        preference: int [models], the models in order of preference, such as the fastest first.
        confidence: of all statements together.
    """
    worse = tests.find_worse(confidence)
    # A model of the highest accuracy is never worse, so there is one.
    return next(int(index) for index in preference if int(index) not in worse)


def estimate_detectable_difference(differing: float, photos: int, pairs: int, confidence: float = 0.95) -> float:
    """Estimate the smallest difference of accuracy that such tests find in 80 % of draws, 0..1.

    Args:
        differing: fraction of the photos that only one of two models predicts correctly, 0..1.
        photos: number of independent photos, at least 1.
        pairs: number of pairs that are tested.
        confidence: of all statements together.

    Source: Connett, Smith and McHugh (1987), Sample size and power for pair-matched case-control studies, Statistics in
    Medicine 6:53-59, without its second term, which is below a tenth of the first for differences of a few points.
    """
    quantiles = _NORMAL.inv_cdf(1 - (1 - confidence) / (2 * max(1, pairs))) + _NORMAL.inv_cdf(0.8)
    return min(1.0, float(quantiles * np.sqrt(differing / photos)))


def estimate_optimism(
    tests: PairedTests, preference: NDArray[np.integer], clusters: NDArray[np.int64] | None, *, seed: int
) -> float:
    """Estimate by how much the accuracy of the chosen model is too high on the photos that it was chosen on, -1..1.

    The choice is repeated on photos, or whole groups, that are drawn with replacement. The mean of the chosen model's
    accuracy on the drawn photos, minus that on all photos, is the optimism.

    Args:
        tests: of the models.
        preference: see `choose_model`.
        clusters: see `make_paired_tests`.
        seed: of the draws.

    Source: Efron (1983), Estimating the error rate of a prediction rule, Journal of the American Statistical
    Association 78:316-331, equation for the bootstrap estimate of optimism.
    """
    rng = np.random.default_rng(seed)
    decisions = tests.correct.shape[1]
    accuracies = tests.correct.mean(axis=1)
    numbers = np.arange(decisions) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(numbers))])
    members = [order[start:end] for start, end in pairwise(bounds)]
    gains = []
    for _ in range(_DRAWS):
        drawn = rng.integers(0, len(members), len(members))
        rows = drawn if clusters is None else np.concatenate([members[place] for place in drawn])
        sample = PairedTests(tests.correct[:, rows], tests.effects)
        chosen = choose_model(sample, preference)
        gains.append(float(sample.correct[chosen].mean() - accuracies[chosen]))
    return float(np.mean(gains))
