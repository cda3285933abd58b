"""What an inspection of photos found, as records.

A photo is named by its row in the order of `core.photos.parts.folds.list_all_photos`, which depends on its content and
label alone: a renamed photo changes no result.
"""

from typing import Literal

from edgetl.core.record import Record

Problem = Literal["blurred", "dark", "overexposed", "low information", "odd shape", "odd size", "odd channels"]


class Suspect(Record):
    """A photo whose label is likely wrong: its row, the suggested class, the probability of its own label, neighbours.

    `neighbours` are the rows of the most similar photos, the nearest first.
    """

    row: int
    suggested: int
    score: float
    neighbours: tuple[int, ...]


class BadPhoto(Record):
    """A photo with a visible problem. `detail` describes how large it is."""

    row: int
    problem: Problem
    detail: str


class ConfusedPair(Record):
    """Two classes that heads confuse: `photos` of `total` photos of `label` are predicted as `predicted`.

    `between` are rows of photos of both classes that are about equally probable as either, the closest first.
    """

    label: int
    predicted: int
    photos: int
    total: int
    between: tuple[int, ...]


class MapPoint(Record):
    """A photo on the map: its row, its place in 0..1 from the left and from the top, and whether it is an outlier."""

    row: int
    x: float
    y: float
    outlier: bool


class LearningCurve(Record):
    """Accuracy of heads by number of training photos, and the accuracy that more photos are likely to give.

    `label` is the index of the class, -1 for all classes together. `photos` are numbers of training photos of all
    classes, and `accuracies` the out-of-sample accuracies there: of a class, the recall. `more` further photos, spread
    over the classes as they are now, change the accuracy by `gain`, between `gain_low` and `gain_high` with a
    confidence of 0.9.
    """

    label: int
    photos: tuple[int, ...]
    accuracies: tuple[float, ...]
    more: int
    gain: float
    gain_low: float
    gain_high: float


class Shortcut(Record):
    """How well something that is no content predicts the class, by balanced accuracy.

    `chance` is that of guessing. `low` is a one-sided bound with a confidence of 0.95: a shortcut is one whose bound is
    well above chance.
    """

    name: str
    accuracy: float
    low: float
    chance: float
    is_shortcut: bool


class Inspection(Record):
    """All findings about the photos of a data set, in words and numbers of its classes.

    `accuracy` and `recalls` are those of heads on photos that they were not trained on. `groups` are rows of near
    duplicates and bursts.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    accuracy: float
    recalls: tuple[float, ...]
    suspects: tuple[Suspect, ...]
    bad_photos: tuple[BadPhoto, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    pairs: tuple[ConfusedPair, ...] = ()
    points: tuple[MapPoint, ...] = ()
    curves: tuple[LearningCurve, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()


class BuildFindings(Record):
    """What a build finds in its photos without training more: rows are those of an inspection of the same photos.

    `judged` is the number of photos that the Keras model predicts and was not trained on: suspects and pairs are among
    them alone. All photos are searched for the rest.
    """

    judged: int
    suspects: tuple[Suspect, ...] = ()
    pairs: tuple[ConfusedPair, ...] = ()
    bad_photos: tuple[BadPhoto, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
