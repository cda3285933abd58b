"""Scores and classes of photos → the details of a verdict for each class and each photo."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.evaluation.quality.class_warnings import ClassCount, QualityWarning, warn_about_classes
from edgetl.core.verdict_records import ClassChange, Flip


class ClassDetails:
    """Details of a verdict where each photo has one class.

    Args:
        scores: of reference and artifact.
        labels: int64 [photos].
    """

    def __init__(self, scores: ScoredPhotos, labels: NDArray[np.int64]) -> None:
        self._scores, self._labels = scores, labels

    def compare(self) -> tuple[ClassChange, ...]:
        """Compare the accuracy on every class that has photos, in the order of the classes."""
        scores = self._scores
        photos = np.bincount(self._labels, minlength=len(scores.classes))
        before = metrics.compute_class_accuracy(scores.reference, self._labels)
        after = metrics.compute_class_accuracy(scores.artifact, self._labels)
        reference, artifact = (
            metrics.find_correct(array, self._labels) for array in (scores.reference, scores.artifact)
        )
        broke = np.bincount(self._labels[reference & ~artifact], minlength=len(scores.classes))
        fixed = np.bincount(self._labels[artifact & ~reference], minlength=len(scores.classes))
        return tuple(
            ClassChange(
                name=name,
                photos=int(photos[index]),
                reference_accuracy=float(before[index]),
                accuracy=float(after[index]),
                broke=int(broke[index]),
                fixed=int(fixed[index]),
            )
            for index, name in enumerate(scores.classes)
            if photos[index]
        )

    def count(self) -> tuple[ClassCount, ...]:
        """Count photos and predictions of every class, in the order of the classes."""
        labels, classes = self._labels, self._scores.classes
        predictions = metrics.predict_classes(self._scores.artifact)
        counts = [
            np.bincount(rows, minlength=len(classes)).tolist()
            for rows in (labels, labels[predictions == labels], predictions)
        ]
        return tuple(
            ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)
            for name, photos, correct, predicted in zip(classes, *counts, strict=True)
        )

    def warn(self) -> list[QualityWarning]:
        """Warn about classes that are never predicted, or that few photos judge."""
        return warn_about_classes(self.count(), self._scores.part)

    def list_flips(self) -> tuple[Flip, ...]:
        """List every photo with two different predictions, sorted by the artifact's confidence, then by path."""
        scores = self._scores
        reference, artifact = metrics.predict_classes(scores.reference), metrics.predict_classes(scores.artifact)
        flips = [
            Flip(
                path=scores.photos[row].path,
                truth=scores.classes[scores.photos[row].label],
                reference=scores.classes[reference[row]],
                artifact=scores.classes[artifact[row]],
                confidence=float(scores.artifact[row, artifact[row]]),
            )
            for row in metrics.find_flips(scores.reference, scores.artifact)
        ]
        return tuple(sorted(flips, key=lambda flip: (-flip.confidence, flip.path)))

    def measure_design_effect(self, groups: Sequence[str]) -> float:  # noqa: ARG002
        """Return 1: the bounds of an accuracy treat photos as independent."""
        return 1.0
