"""Each photo has one class: the one with the highest score; of equal scores, the lowest index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.photos import class_weights
from edgetl.core.photos.class_weights import ClassWeightChoice

Loss = Literal[
    "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "label_crossentropy"
]


@dataclass(frozen=True, slots=True)
class OneClass:
    """The task of a classifier: a softmax, or one sigmoid unit for two classes. See `task.PhotoTask`."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """No thresholds: the highest score decides."""
        return ()

    def count_units(self, activation: str, classes: int) -> int:
        """Return one unit for each class, or one sigmoid unit for two classes."""
        return 1 if activation == "sigmoid" else classes

    def choose_loss(self, activation: str) -> Loss:
        """Return the loss of the activation."""
        return "binary_crossentropy" if activation == "sigmoid" else "sparse_categorical_crossentropy"

    def make_targets(self, labels: NDArray[np.int64], activation: str) -> np.ndarray:
        """Return class indices [photos], or float32 [photos, 1] for a sigmoid, whose loss needs the shape of scores."""
        return labels.reshape(-1, 1).astype(np.float32) if activation == "sigmoid" else labels

    def is_weighted(self, labels: NDArray[np.int64], choice: ClassWeightChoice) -> bool:
        """Return whether the classes are weighed: see `class_weights.is_weighted`."""
        return class_weights.is_weighted(labels, choice)

    def compute_weights(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return a weight for each photo, so that all classes have the same sum: float32 [photos]."""
        return class_weights.weigh_photos(labels)

    def describe_weights(self, labels: NDArray[np.int64]) -> str:
        """Say how unequal the classes are."""
        return (
            f"the largest class has {class_weights.compute_imbalance(labels):.1f} times the photos of the "
            "smallest: all classes count equally in training (--class-weight none to count photos)"
        )

    def decide(self, scores: np.ndarray) -> NDArray[np.int64]:
        """Return the index of the highest score of each photo: int64 [photos]."""
        return np.asarray(scores.argmax(axis=1))

    def select_true_probabilities(self, scores: np.ndarray, labels: NDArray[np.int64]) -> np.ndarray:
        """Return the score of the true class of each photo: float [photos]."""
        return np.asarray(scores[np.arange(len(labels)), labels])

    def match_scores(self, expected: np.ndarray, scores: np.ndarray, tolerance: float) -> NDArray[np.bool_]:
        """Return for which photos the class of `scores` is, within a tolerance, the best of `expected`: bool [photos].

        Args:
            expected: float [photos, classes].
            scores: float [photos, classes].
            tolerance: largest difference of two equal scores.
        """
        rows = np.arange(len(expected))
        highest = expected[rows, self.decide(expected)]
        return np.asarray(highest - expected[rows, self.decide(scores)] <= tolerance)

    def number_clusters(self, groups: Sequence[str], photos: int) -> NDArray[np.int64] | None:  # noqa: ARG002
        """Number the groups of photos; None if no photo is in one."""
        return number_groups(groups) if any(groups) else None
