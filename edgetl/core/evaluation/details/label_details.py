"""Scores and labels of photos → the details of a verdict for each label and each decision."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation import design_effect, metrics
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.evaluation.quality.class_warnings import ClassCount, QualityWarning
from edgetl.core.evaluation.quality.label_quality import warn_about_labels
from edgetl.core.verdict_records import ClassChange, Flip

ABSENT_PRESENT = ("absent", "present")


class LabelDetails:
    """Details of a verdict where a photo may have several labels.

    Args:
        scores: of reference and artifact, with thresholds.
        labels: int64 [photos, labels] of 0 and 1.
    """

    def __init__(self, scores: ScoredPhotos, labels: NDArray[np.int64]) -> None:
        self._scores, self._labels = scores, labels
        self._reference, self._artifact = (scores.task.decide(array) for array in (scores.reference, scores.artifact))

    def compare(self) -> tuple[ClassChange, ...]:
        """Compare the fraction of right decisions about each label, in the order of the labels."""
        reference, artifact = (decided == self._labels for decided in (self._reference, self._artifact))
        before, after = reference.mean(axis=0), artifact.mean(axis=0)
        broke, fixed = (reference & ~artifact).sum(axis=0), (artifact & ~reference).sum(axis=0)
        return tuple(
            ClassChange(
                name=name,
                photos=len(self._labels),
                reference_accuracy=float(before[column]),
                accuracy=float(after[column]),
                broke=int(broke[column]),
                fixed=int(fixed[column]),
            )
            for column, name in enumerate(self._scores.classes)
        )

    def count(self) -> tuple[ClassCount, ...]:
        """Count the photos that have each label, those of them with this decision, and all with this decision."""
        present, decided = self._labels.sum(axis=0), self._artifact.sum(axis=0)
        correct = (self._labels & self._artifact).sum(axis=0)
        return tuple(
            ClassCount(
                name=name, photos=int(present[column]), correct=int(correct[column]), predicted=int(decided[column])
            )
            for column, name in enumerate(self._scores.classes)
        )

    def warn(self) -> list[QualityWarning]:
        """Warn about labels that are found on no photo, or that few photos have."""
        return warn_about_labels(self.count(), self._scores.part)

    def list_flips(self) -> tuple[Flip, ...]:
        """List every decision that differs, sorted by the artifact's score for it, then by path and label."""
        flips = [
            Flip(
                path=self._scores.photos[row].path,
                truth=ABSENT_PRESENT[self._labels[row, column]],
                reference=ABSENT_PRESENT[self._reference[row, column]],
                artifact=ABSENT_PRESENT[self._artifact[row, column]],
                confidence=float(self._scores.artifact[row, column]),
                label=self._scores.classes[column],
            )
            for row, column in np.argwhere(self._reference != self._artifact)
        ]
        return tuple(sorted(flips, key=lambda flip: (-flip.confidence, flip.path, flip.label)))

    def measure_design_effect(self, groups: Sequence[str]) -> float:
        """Compute the design effect of the right decisions of the artifact about one photo, or one group of photos."""
        correct = metrics.find_correct(self._scores.artifact, self._labels, self._scores.task)
        clusters = self._scores.task.number_clusters(groups, len(self._labels))
        if clusters is None:
            return 1.0
        return design_effect.measure_design_effect(correct.astype(np.int64).ravel(), clusters)
