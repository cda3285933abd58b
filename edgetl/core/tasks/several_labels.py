"""A photo may have several labels or none: each label has a sigmoid unit, and a threshold from which a photo has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.photos import class_weights
from edgetl.core.photos.class_weights import ClassWeightChoice
from edgetl.core.tasks.one_class import Loss


@dataclass(frozen=True, slots=True)
class SeveralLabels:
    """The task of a model with independent labels. See `task.PhotoTask`.

    Attributes:
        thresholds: for each label, the score from which a photo has it, between 0 and 1.
    """

    thresholds: tuple[float, ...]

    def count_units(self, activation: str, classes: int) -> int:  # noqa: ARG002
        """Return one unit for each label."""
        return classes

    def choose_loss(self, activation: str) -> Loss:  # noqa: ARG002
        """Return binary crossentropy that is computed, and weighed, for each label."""
        return "label_crossentropy"

    def make_targets(self, labels: NDArray[np.int64], activation: str) -> np.ndarray:  # noqa: ARG002
        """Return float32 [photos, labels]."""
        return labels.astype(np.float32)

    def is_weighted(self, labels: NDArray[np.int64], choice: ClassWeightChoice) -> bool:
        """Return whether labels are weighed; "auto" compares the numbers of photos that have the labels."""
        imbalance = class_weights.compute_label_imbalance(labels)
        return choice == "balanced" or (choice == "auto" and imbalance > class_weights.LARGEST_RATIO)

    def compute_weights(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return weights with which photos with and without a label count equally: float32 [photos, labels]."""
        return class_weights.weigh_labels(labels)

    def describe_weights(self, labels: NDArray[np.int64]) -> str:
        """Say how unequal the labels are."""
        return (
            f"the most frequent label has {class_weights.compute_label_imbalance(labels):.1f} times the photos of the "
            "rarest: photos with and without a label count equally in training (--class-weight none to count photos)"
        )

    def decide(self, scores: np.ndarray) -> NDArray[np.int64]:
        """Return 1 where a score reaches the threshold of its label: int64 [photos, labels]."""
        return (scores >= self._row(scores)).astype(np.int64)

    def select_true_probabilities(self, scores: np.ndarray, labels: NDArray[np.int64]) -> np.ndarray:
        """Return the score where the photo has the label, and 1 minus the score where it has not: [photos, labels]."""
        return np.where(labels == 1, scores, 1 - scores)

    def match_scores(self, expected: np.ndarray, scores: np.ndarray, tolerance: float) -> NDArray[np.bool_]:
        """Return which decisions are equal, or those of an expected score within a tolerance of its threshold.

        Args:
            expected: float [photos, labels].
            scores: float [photos, labels].
            tolerance: largest difference of two equal scores.

        Returns:
            bool [photos, labels].
        """
        near = np.abs(expected - self._row(expected)) <= tolerance
        return np.asarray((self.decide(expected) == self.decide(scores)) | near)

    def number_clusters(self, groups: Sequence[str], photos: int) -> NDArray[np.int64] | None:
        """Number the photos, or their groups, once for each label: decisions about one photo are not independent."""
        numbers = number_groups(groups if any(groups) else [""] * photos)
        return np.repeat(numbers, len(self.thresholds))

    def _row(self, scores: np.ndarray) -> NDArray[np.float64]:
        if scores.shape[1] != len(self.thresholds):
            raise ValueError(f"there are {len(self.thresholds)} thresholds for {scores.shape[1]} labels")
        return np.array(self.thresholds, dtype=np.float64)
