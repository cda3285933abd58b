"""Records of the answers of a file: its thresholds, and what they do to photos that did not set them."""

from pathlib import Path

from edgetl.core.record import PathInside, Record
from edgetl.core.rejection.selective import SelectiveThreshold


class AnswerCounts(Record):
    """Answers to photos of the user's own classes.

    Attributes:
        photos: all photos.
        known: photos whose features are similar enough.
        answered: known photos whose probability is high enough.
        wrong: answered photos whose label is wrong; 0 where a photo may have several, which the verdict judges.
        right_without: photos whose label is right where every photo is answered; all where one may have several.
    """

    photos: int
    known: int
    answered: int
    wrong: int
    right_without: int

    @property
    def rejected_share(self) -> float:
        """The share of own photos that are none of the classes, 0..1."""
        return 1 - self.known / self.photos

    @property
    def error_share(self) -> float:
        """The share of answers that are wrong, 0..1; 0 without answers."""
        return self.wrong / self.answered if self.answered else 0.0


class ForeignCounts(Record):
    """Photos of other things: how many of them got a label. `title` describes them."""

    title: str
    photos: int
    known: int
    answered: int


class AnswerHop(Record):
    """The answers of one file to the test photos, by one rule.

    Attributes:
        name: of the file.
        photos: test photos.
        labels: photos that get a label.
        unsure: known photos with too low a probability.
        none: photos that are none of the classes.
        same: photos with the answer of the hop before, the label included where there is one alone; all of the first.
    """

    name: str
    photos: int
    labels: int
    unsure: int
    none: int
    same: int


class KnownPoint(Record):
    """Photos that are known if the thresholds of all classes are moved by `shift`; 0 is the rule.

    `own` is the share of the test photos, 0..1, and `others` the shares of the groups of other things: those of
    `AnswerRule.far`, then of `AnswerRule.foreign`.
    """

    shift: float
    own: float
    others: tuple[float, ...]


class AnswerRule(Record):
    """The thresholds of a file, its reference features, and counts on photos that set neither.

    Attributes:
        path: the reference features, int8 [rows, features].
        sha256: of that file.
        artifact_sha256: of the model file whose features they are.
        rows: number of reference features.
        rejected_share: the share of own photos that may be none of the classes, in expectation.
        least_similarities: class → lowest similarity of a known photo; -1 where no photo is rejected.
        selective: the lowest probability of an answer, with its bound.
        own: the test photos.
        far: photos of quite other things.
        near: for each class, photos of it for a classifier that was trained without it.
        foreign: photos of other things from the user; none without --foreign.
        hops: the float32 file, which computes what Keras does, and this file; none where this is the float32 file.
        multi_label: whether a photo may have several labels. Then no answer is unsure: each label has a threshold.
        known_curve: what other thresholds for "none of these" would do, from few known photos to all.
    """

    path: PathInside
    sha256: str
    artifact_sha256: str
    rows: int
    rejected_share: float
    least_similarities: dict[str, float]
    selective: SelectiveThreshold
    own: AnswerCounts
    far: tuple[ForeignCounts, ...]
    near: tuple[ForeignCounts, ...]
    foreign: tuple[ForeignCounts, ...] = ()
    hops: tuple[AnswerHop, ...] = ()
    multi_label: bool = False
    known_curve: tuple[KnownPoint, ...] = ()

    def contents(self) -> dict[Path, str]:
        """Map the reference features to their sha256."""
        return {self.path: self.sha256}
