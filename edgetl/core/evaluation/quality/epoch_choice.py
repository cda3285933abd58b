"""How accurate the choice of the best epoch is: on the photos that choose it, and on photos that did not."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# With more validation photos, the best of some twenty epochs is hardly better by chance.
MOST_PHOTOS = 300
_FOLDS = 5
_SEED = 1


@dataclass(slots=True)
class EpochOutcomes:
    """Predictions of few validation photos after each epoch of both phases.

    Attributes:
        right: bool [photos] for each epoch: whether each photo is predicted correctly.
        losses: float [photos] for each epoch.
    """

    right: list[NDArray[np.bool_]] = field(default_factory=list)
    losses: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, probabilities: np.ndarray, labels: NDArray[np.int64]) -> None:
        """Add an epoch.

        Args:
            probabilities: float [photos, classes].
            labels: int64 [photos].
        """
        self.right.append(np.asarray(probabilities.argmax(axis=1) == labels))
        true = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
        self.losses.append(-np.log(np.maximum(true, 1e-7)))


def cross_fit_choice(outcomes: EpochOutcomes) -> float:
    """Return the accuracy where each fifth of the photos is predicted after the epoch that the others choose.

    The best epoch on few photos is partly the best by chance. Here no photo takes part in the choice by which it is
    judged.

    Args:
        outcomes: of one epoch at least.

    Source: Varma and Simon, "Bias in error estimation when using cross-validation for model selection", 2006.
    """
    right, losses = np.stack(outcomes.right), np.stack(outcomes.losses)
    photos = right.shape[1]
    folds = np.random.default_rng(_SEED).permutation(photos) % _FOLDS
    judged = np.zeros(photos)
    for fold in range(_FOLDS):
        inside, outside = folds == fold, folds != fold
        judged[inside] = right[_choose(right[:, outside], losses[:, outside])][inside]
    return float(judged.mean())


def describe_choice(accuracy: float, cross_fitted: float, photos: int) -> str:
    """Say both accuracies."""
    return (
        f"validation accuracy {accuracy:.4f} of the best epoch, chosen on these {photos} photos; {cross_fitted:.4f} "
        "where each fifth of them is judged at the epoch that the others choose"
    )


def _choose(right: NDArray[np.bool_], losses: NDArray[np.float64]) -> int:
    """Return the epoch that a training would keep: the most accurate, of equal ones the one with the lowest loss."""
    order = [(row.mean(), -loss.mean()) for row, loss in zip(right, losses, strict=True)]
    return max(range(len(order)), key=lambda epoch: order[epoch])
