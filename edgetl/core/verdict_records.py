"""Records of an evaluation: a comparison of two models on the same photos, and the verdict on a conversion."""

from typing import Literal

from edgetl.core.evaluation.quality.model_quality import ClassCount, assess_quality
from edgetl.core.html_table import render_table
from edgetl.core.record import Record
from edgetl.core.report import changes
from edgetl.core.report.quality_tables import render_quality

Outcome = Literal["PASS", "FAIL", "UNDECIDED"]


class ClassChange(Record):
    """Accuracy on one class before and after conversion, or the fraction of right decisions about one label."""

    name: str
    photos: int
    reference_accuracy: float
    accuracy: float


class Flip(Record):
    """A photo for which reference and artifact predict different classes. `confidence` is the score of the artifact.

    Where a photo may have several labels, it is a decision about `label`: "present" or "absent".
    """

    path: str
    truth: str
    reference: str
    artifact: str
    confidence: float
    label: str = ""


class Comparison(Record):
    """Predictions of a candidate, compared with those of a reference on the same photos.

    `broke` is the number of photos that only the reference predicts correctly, `fixed` the number that only the
    candidate predicts correctly. `agreement` is the fraction of photos with the same predicted class.
    `worst_difference` is the largest absolute difference of any score. `groups` is the number of groups of photos that
    are not independent, 0 if the photos have none. `design_effect` is the factor by which they enlarge the variance of
    broke minus fixed; 1 without groups.

    `labels` is the number of labels of which each photo may have several, 0 where it has one class. With labels, every
    photo has a decision about each label: fractions are of these decisions, `broke` and `fixed` count them, and those
    about one photo count as not independent.
    """

    photos: int
    reference_accuracy: float
    accuracy: float
    broke: int
    fixed: int
    agreement: float
    worst_difference: float
    groups: int = 0
    design_effect: float = 1.0
    labels: int = 0

    @property
    def decisions(self) -> int:
        """The number of decisions that are right or wrong: one for each photo, or one for each label of each photo."""
        return self.photos * max(1, self.labels)

    def describe_photos(self, name: str = "") -> str:
        """Describe the number of photos: "80 test photos in 12 groups", or "80 test photos" without groups.

        With labels, the decisions about them come first: "240 decisions about 3 labels of 80 test photos".
        """
        photos = f"{self.photos} {name} photos" if name else f"{self.photos} photos"
        if self.labels:
            photos = f"{self.decisions} decisions about {self.labels} labels of {photos}"
        return f"{photos} in {self.groups} groups" if self.groups else photos


class LedgerHop(Comparison):
    """A hop of the ledger: the accuracy after one conversion step, compared with the step before it."""

    name: str


class Verdict(Comparison):
    """The accuracy lost in the conversion, measured on one part of the photos, and whether the contract allows it.

    `drop` is reference accuracy minus accuracy; `drop_low` and `drop_high` are its one-sided bounds at `confidence`.
    `photos_needed` is the number of further photos that would decide an UNDECIDED verdict: 0 if it is decided, None if
    no number of photos would decide it at this drop. `host_ms` is the latency of one photo on one thread of the host;
    if `host_disturbed`, other processes disturbed its measurement. `counts` has every class of the model, `per_class`
    those with photos.

    `thresholds` are those of the labels of which each photo may have several; else it is empty. Then
    `accuracy_design_effect` is that of the right decisions about one photo, which are not independent.
    """

    method: str
    artifact_sha256: str
    part: str
    drop: float
    drop_low: float
    drop_high: float
    confidence: float
    limit_drop: float
    outcome: Outcome
    photos_needed: int | None
    reference_calibration_error: float
    calibration_error: float
    per_class: tuple[ClassChange, ...]
    worst_class: str
    flips: tuple[Flip, ...]
    hops: tuple[LedgerHop, ...]
    host_ms: float
    host_disturbed: bool
    counts: tuple[ClassCount, ...]
    thresholds: tuple[float, ...] = ()
    accuracy_design_effect: float = 1.0

    def _repr_html_(self) -> str:
        """Render for a notebook how good the model is, and what its conversion cost."""
        if not self.counts:
            return self.render_cost()
        quality = assess_quality(self.counts, part=self.part, confidence=self.confidence)
        return render_quality(quality) + self.render_cost()

    def render_cost(self) -> str:
        """Render for a notebook what the conversion cost: the outcome, the change with its bounds, and the ledger."""
        facts = [
            ["outcome", self.outcome],
            ["accuracy", f"{self.accuracy:.4f}, Keras {self.reference_accuracy:.4f}"],
            [
                "change, points",
                f"{changes.format_change(self.drop, 0)} "
                f"({changes.format_change(self.drop_high, 0)} … {changes.format_change(self.drop_low, 0)})",
            ],
            ["allowed loss, points", f"{self.limit_drop * 100:g}"],
            ["broke / fixed", f"{self.broke} / {self.fixed} of {self.describe_photos(self.part)}"],
        ]
        hops = changes.list_hop_cells(self.hops)
        ledger = render_table("ledger, changes in points", changes.HOP_COLUMNS, hops) if hops else ""
        return render_table(f"verdict on {self.method}", [], facts) + ledger
