"""Two runs → the difference of their accuracies on the test photos that they share, with its interval, and the photos.

The interval is that of a verdict: the score interval for paired predictions, widened by the groups of the photos. The
first run takes the place of the reference.
"""

from dataclasses import dataclass

import numpy as np

from edgetl.core.comparison.shared_photos import RunPredictions, SharedPhotos, match_photos
from edgetl.core.evaluation.contract import PairCounts
from edgetl.core.evaluation.design_effect import measure_design_effect, number_groups
from edgetl.core.evaluation.details.label_details import ABSENT_PRESENT
from edgetl.core.evaluation.metrics import find_correct
from edgetl.core.tasks.labels import list_labels


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferingPhoto:
    """A photo that one of two runs predicts correctly and the other one does not.

    Attributes:
        row: among the test photos of the first run.
        path: of the photo, in the first run.
        sha256: of the photo.
        truth: its class; "present" or "absent" for a label.
        label: the label that is decided about; "" where a photo has one class.
        base: prediction of the first run, and its score.
        candidate: prediction of the second run, and its score.
    """

    row: int
    path: str
    sha256: str
    truth: str
    label: str
    base: tuple[str, float]
    candidate: tuple[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedDifference:
    """The accuracy of a run minus that of the first one, on the test photos that they share.

    Attributes:
        reason: why there is no difference; "" if there is one. All other values are 0 or empty with a reason.
        photos: number of photos that both have.
        labels: number of labels of each photo, 0 where a photo has one class. Accuracies are then of the decisions.
        groups: number of groups of these photos that are not independent; 0 without groups.
        relabeled: photos that both have, with other labels in each, which are left out.
        base_accuracy: of the first run on these photos.
        accuracy: of the second run on these photos.
        change: the second minus the first, -1..1.
        low: lower bound of the change.
        high: upper bound of the change.
        only_base: photos that only the first run predicts correctly, the most confident mistakes first.
        only_candidate: photos that only the second run predicts correctly, in the same order.
    """

    reason: str = ""
    photos: int = 0
    labels: int = 0
    groups: int = 0
    relabeled: int = 0
    base_accuracy: float = 0.0
    accuracy: float = 0.0
    change: float = 0.0
    low: float = 0.0
    high: float = 0.0
    only_base: tuple[DifferingPhoto, ...] = ()
    only_candidate: tuple[DifferingPhoto, ...] = ()

    @property
    def outcome(self) -> str:
        """Say whether the interval is on one side of 0: "higher", "lower" or "no certain difference"."""
        if self.reason:
            return self.reason
        return "higher" if self.low > 0 else "lower" if self.high < 0 else "no certain difference"


def correct_confidence(confidence: float, pairs: int) -> float:
    """Return the confidence of each one-sided bound with which all two-sided intervals hold together.

    Args:
        confidence: of all intervals together, between 0 and 1.
        pairs: number of intervals.

    Source: the Bonferroni inequality.
    """
    return 1 - (1 - confidence) / (2 * max(1, pairs))


def compare_pair(base: RunPredictions, candidate: RunPredictions, bound_confidence: float) -> PairedDifference:
    """Compare two runs on the test photos that they share.

    Args:
        base: the first run.
        candidate: the second run.
        bound_confidence: of each bound of the difference, one-sided: see `correct_confidence`.
    """
    shared = match_photos(base, candidate)
    if isinstance(shared, str):
        return PairedDifference(reason=shared)
    base, candidate, photos = shared.base, shared.candidate, shared.base.photos
    truth = list_labels(photos)
    # Each run has thresholds of its own.
    base_correct = find_correct(base.scores, truth, base.task)
    correct = find_correct(candidate.scores, truth, candidate.task)
    clusters = base.task.number_clusters(shared.groups, len(photos))
    differences = (base_correct.astype(np.int64) - correct).ravel()
    counts = PairCounts(
        broke=int((differences > 0).sum()),
        fixed=int((differences < 0).sum()),
        photos=differences.size,
        design_effect=1.0 if clusters is None else measure_design_effect(differences, clusters),
    )
    low, high = counts.compute_bounds(bound_confidence)
    return PairedDifference(
        photos=len(photos),
        labels=len(base.thresholds),
        groups=len(np.unique(number_groups(shared.groups))) if any(shared.groups) else 0,
        relabeled=shared.relabeled,
        base_accuracy=float(base_correct.mean()),
        accuracy=float(correct.mean()),
        # A drop is from the first run to the second one: a change has the opposite sign. Zero has none.
        change=-counts.drop or 0.0,
        low=-high or 0.0,
        high=-low or 0.0,
        only_base=tuple(_list_photos(shared, np.argwhere(base_correct & ~correct), wrong=candidate)),
        only_candidate=tuple(_list_photos(shared, np.argwhere(correct & ~base_correct), wrong=base)),
    )


def _list_photos(shared: SharedPhotos, places: np.ndarray, wrong: RunPredictions) -> list[DifferingPhoto]:
    """List decisions, those first in which the run that is wrong is most confident."""
    rows = []
    for place in places:
        index = tuple(place.tolist())
        mistake = _describe_decision(wrong, index)
        photo, label = shared.base.photos[index[0]], ""
        truth = shared.base.classes[photo.label]
        if shared.base.thresholds:
            truth, label = ABSENT_PRESENT[photo.labels[index[1]]], shared.base.classes[index[1]]
        differing = DifferingPhoto(
            row=int(shared.rows[index[0]]),
            path=photo.path,
            sha256=photo.sha256,
            truth=truth,
            label=label,
            base=_describe_decision(shared.base, index),
            candidate=_describe_decision(shared.candidate, index),
        )
        # A decision against a label is the more confident, the lower its score is.
        confidence = 1 - mistake[1] if mistake[0] == ABSENT_PRESENT[0] and label else mistake[1]
        rows.append((-confidence, index, differing))
    return [differing for *_, differing in sorted(rows, key=lambda row: row[:2])]


def _describe_decision(run: RunPredictions, index: tuple[int, ...]) -> tuple[str, float]:
    """Return the name of a decision and its score: of the predicted class, or of the label."""
    row = run.scores[index[0] : index[0] + 1]
    decision = int(run.task.decide(row)[(0, *index[1:])])
    if run.thresholds:
        return ABSENT_PRESENT[decision], float(row[0, index[1]])
    return run.classes[decision], float(row[0, decision])
