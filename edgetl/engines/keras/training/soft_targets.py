"""Targets that are probabilities: of smoothed labels, and of photos that are mixed with each other. numpy only."""

import numpy as np

from edgetl.core.recipe.tables import TrainingTables


def are_soft(recipe: TrainingTables) -> bool:
    """Return whether the targets of a recipe are probabilities, and not indices of classes."""
    return bool(recipe.training.label_smoothing or recipe.training.mixup or recipe.teacher.source)


def soften_targets(targets: np.ndarray, units: int, smoothing: float) -> np.ndarray:
    """Turn targets into probabilities.

    Args:
        targets: int64 [photos], indices of classes, or float32 [photos, units] of sigmoids, 0 or 1.
        units: number of units of the model.
        smoothing: probability that is divided equally among all classes, or among yes and no of a label.

    Returns:
        float32 [photos, units].

    Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7.
    """
    sigmoid = targets.ndim == 2
    probabilities = targets if sigmoid else np.eye(units, dtype=np.float32)[targets]
    return np.asarray(probabilities * (1 - smoothing) + smoothing / (2 if sigmoid else units), dtype=np.float32)


def mix_photos(batch: tuple[np.ndarray, ...], alpha: float, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Mix each photo of a batch with another one: inputs, targets and weights.

    Args:
        batch: inputs, targets and, if there are any, weights: [photos, …]. Inputs are pixels or features.
        alpha: both parameters of the beta distribution of the share.
        generator: draws the shares and the pairs.

    Returns:
        float32 arrays of the same shapes; uint8 for pixels.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; of features, Verma et al., "Manifold
    Mixup", ICML 2019. Each photo has a share of its own, of at least a half.
    """
    count = len(batch[0])
    shares = generator.beta(alpha, alpha, count)
    shares = np.maximum(shares, 1 - shares).astype(np.float32)
    others = generator.permutation(count)
    return tuple(_mix(values, values[others], shares) for values in batch)


def _mix(values: np.ndarray, others: np.ndarray, shares: np.ndarray) -> np.ndarray:
    shares = shares.reshape(-1, *[1] * (values.ndim - 1))
    mixed = others + (values.astype(np.float32) - others) * shares
    return np.rint(mixed).astype(np.uint8) if values.dtype == np.uint8 else mixed
