"""The interface of a task, and how a task is found: by the labels of photos, or by the thresholds of a model."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.core.photos.class_weights import ClassWeightChoice
from edgetl.core.tasks.one_class import Loss, OneClass
from edgetl.core.tasks.several_labels import SeveralLabels


class PhotoTask(Protocol):
    """All that depends on whether a photo has one class or several labels.

    Labels are int64: [photos], the index of the class, or [photos, labels], 1 where the photo has the label. Decisions,
    and what is computed for each of them, have the shape of the labels.
    """

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The scores from which a photo has a label; empty where it has one class."""

    def count_units(self, activation: str, classes: int) -> int:
        """Return the number of units in the last layer of a model."""

    def choose_loss(self, activation: str) -> Loss:
        """Return the name of the loss."""

    def make_targets(self, labels: NDArray[np.int64], activation: str) -> np.ndarray:
        """Return labels in the shape and dtype that the loss takes."""

    def is_weighted(self, labels: NDArray[np.int64], choice: ClassWeightChoice) -> bool:
        """Return whether a training on photos with these labels weighs them."""

    def compute_weights(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what each label counts in loss and accuracy, so that rare ones count as much as frequent ones."""

    def describe_weights(self, labels: NDArray[np.int64]) -> str:
        """Say why labels are weighed, and how."""

    def decide(self, scores: np.ndarray) -> NDArray[np.int64]:
        """Return the decisions, in the shape of the labels, of finite scores: float [photos, classes]."""

    def select_true_probabilities(self, scores: np.ndarray, labels: NDArray[np.int64]) -> np.ndarray:
        """Return the probability of each right decision, in the shape of the labels."""

    def match_scores(self, expected: np.ndarray, scores: np.ndarray, tolerance: float) -> NDArray[np.bool_]:
        """Return which decisions are those of other scores, where scores within a tolerance count as equal."""

    def number_clusters(self, groups: Sequence[str], photos: int) -> NDArray[np.int64] | None:
        """Number the decisions that are not independent of each other: int64 [decisions]; None if all are.

        Args:
            groups: name of the group of each photo, "" for none; empty if no photo has one.
            photos: number of photos.
        """


def make_task(thresholds: Sequence[float]) -> PhotoTask:
    """Return the task of a model with thresholds for its labels, or without any."""
    return SeveralLabels(tuple(thresholds)) if thresholds else OneClass()


def find_task(labels: np.ndarray) -> PhotoTask:
    """Return the task of photos: int [photos], or int [photos, labels] with a threshold of 0.5 for each label."""
    return SeveralLabels((0.5,) * labels.shape[1]) if labels.ndim == 2 else OneClass()
