"""Records of an evaluation: a comparison of two models on the same photos, and the verdict on a conversion."""

from typing import Literal

from edgetl.core.evaluation.quality.class_warnings import ClassCount, QualityWarning
from edgetl.core.evaluation.quality.model_quality import assess_quality
from edgetl.core.html_table import render_table
from edgetl.core.record import Record
from edgetl.core.rejection.reliability import Reliability
from edgetl.core.report import changes
from edgetl.core.report.quality_tables import render_quality

Outcome = Literal["PASS", "FAIL", "UNDECIDED"]
# What the contract holds.
Measure = Literal["accuracy", "balanced"]
# Measure → its name in a sentence.
MEASURE_TITLES: dict[Measure, str] = {"accuracy": "accuracy", "balanced": "balanced accuracy"}


class ClassChange(Record):
    """Accuracy on one class, which is its recall, before and after conversion; broke and fixed as in `Comparison`.

    Where a photo may have several labels, it is the fraction of right decisions about one label.
    """

    name: str
    photos: int
    reference_accuracy: float
    accuracy: float
    broke: int
    fixed: int


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

    The balanced accuracy is the mean of the recalls of all classes with photos.
    `broke` is the number of photos that only the reference predicts correctly, `fixed` the number that only the
    candidate predicts correctly. `agreement` is the fraction of photos with the same predicted class.
    `worst_difference` is the largest absolute difference of any score. `groups` is the number of groups of photos that
    are not independent, 0 if the photos have none. `design_effect` is the factor by which they enlarge the variance of
    the drop; 1 without groups.

    `labels` is the number of labels of which each photo may have several, 0 where it has one class. With labels, every
    photo has a decision about each label: fractions are of these decisions, `broke` and `fixed` count them, and those
    about one photo count as not independent. The balanced accuracy is then the mean over the labels of that of each,
    of those that some photos have and others do not.
    """

    photos: int
    reference_accuracy: float
    accuracy: float
    reference_balanced_accuracy: float
    balanced_accuracy: float
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

    def read_accuracy(self, measure: Measure) -> tuple[float, float]:
        """Return the accuracy that a contract holds, of the reference and of the candidate."""
        if measure == "balanced":
            return self.reference_balanced_accuracy, self.balanced_accuracy
        return self.reference_accuracy, self.accuracy


class LedgerHop(Comparison):
    """A hop of the ledger: the accuracy after one conversion step, compared with the step before it."""

    name: str


class Verdict(Comparison):
    """The accuracy lost in the conversion, measured on one part of the photos, and whether the contract allows it.

    `measure` is what the contract holds: accuracy, or balanced accuracy. `drop` is that of the reference minus that of
    the artifact; `drop_low` and `drop_high` are its one-sided bounds at `confidence`.
    `photos_needed` is the number of further photos that would decide an UNDECIDED verdict: 0 if it is decided, None if
    no number of photos would decide it at this drop. `host_ms` is the latency of one photo on one thread of the host;
    if `host_disturbed`, other processes disturbed its measurement. `counts` has every class of the model, `per_class`
    those with photos. `warnings` are about classes that are never predicted, or that few photos judge.

    `thresholds` are those of the labels of which each photo may have several; else it is empty. Then
    `accuracy_design_effect` is that of the right decisions about one photo, which are not independent.

    `temperature` is that of the reference, 1 for none. The calibration errors are expected ones, with 15 bins of equal
    width. `reliability` has their tables: the reference without its temperature, if it has one, with it, and the
    artifact.

    `not_judged` is why the verdict is not that of the target's judge, and what to install; "" where it is.
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
    measure: Measure = "accuracy"
    warnings: tuple[QualityWarning, ...] = ()
    temperature: float = 1.0
    reliability: tuple[Reliability, ...] = ()
    not_judged: str = ""

    def _repr_html_(self) -> str:
        """Render for a notebook how good the model is, and what its conversion cost."""
        # The quality of labels needs facts that the counts do not contain: `verdict.assess_verdict` has them.
        if not self.counts or self.labels:
            return self.render_cost()
        quality = assess_quality(self.counts, part=self.part, confidence=self.confidence)
        return render_quality(quality) + self.render_cost()

    def render_cost(self) -> str:
        """Render for a notebook what the conversion cost: the outcome, the change with its bounds, and the ledger."""
        facts = [
            ["outcome", self.outcome],
            ["accuracy", f"{self.accuracy:.4f}, Keras {self.reference_accuracy:.4f}"],
            ["balanced accuracy", f"{self.balanced_accuracy:.4f}, Keras {self.reference_balanced_accuracy:.4f}"],
            [
                f"change of {MEASURE_TITLES[self.measure]}, points",
                f"{changes.format_change(self.drop, 0)} "
                f"({changes.format_change(self.drop_high, 0)} … {changes.format_change(self.drop_low, 0)})",
            ],
            ["allowed loss, points", f"{self.limit_drop * 100:g}"],
            ["broke / fixed", f"{self.broke} / {self.fixed} of {self.describe_photos(self.part)}"],
            *([["not judged", self.not_judged]] if self.not_judged else []),
            *(["warning", f"{warning.message}; {warning.hint}"] for warning in self.warnings),
        ]
        hops = changes.list_hop_cells(self.hops, self.measure)
        ledger = render_table("ledger, changes in points", changes.HOP_COLUMNS, hops) if hops else ""
        return render_table(f"verdict on {self.method}", [], facts) + ledger
