"""What a classifier answers to photos of a class that its head was not trained on.

The base has seen the class where phase 2 trained it, so a class that is really new is accepted somewhat more often.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from edgetl.core.rejection.records import ForeignCounts
from edgetl.core.rejection.similarity import compute_similarities, normalize_features
from edgetl.core.rejection.thresholds import AnswerLimits, PredictedPhotos, count_foreign, find_thresholds
from edgetl.engines.reference_features import condense_features

# With more classes, a part of them is drawn: each needs a head of its own.
MOST_CLASSES = 10
_FEWEST_CLASSES = 3
_STEPS = 50
# Normalized features are small; the inverse of the regularization is larger than scikit-learn's default in turn.
_INVERSE_REGULARIZATION = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledFeatures:
    """Features of photos: float [photos, features], and their classes: int [photos]."""

    features: NDArray[np.floating]
    labels: NDArray[np.integer]

    def select(self, rows: NDArray[np.bool_]) -> "LabelledFeatures":
        """Select photos by a mask, bool [photos]."""
        return LabelledFeatures(features=self.features[rows], labels=self.labels[rows])


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureParts:
    """Features of the three parts of the photos."""

    train: LabelledFeatures
    validation: LabelledFeatures
    test: LabelledFeatures


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What the answers of a file depend on, besides its features.

    Attributes:
        classes: names of the classes.
        limits: what the user allows.
        most_bytes: size of the reference features, see `condense_features`.
    """

    classes: tuple[str, ...]
    limits: AnswerLimits
    most_bytes: int


def draw_classes(labels: NDArray[np.integer], seed: int) -> list[int]:
    """Draw the classes that are left out, all of them if they are few; in ascending order.

    Args:
        labels: int [photos], of the training photos. A model made elsewhere may have classes without photos.
        seed: draws the classes.

    Returns:
        None if fewer than three classes have photos: without one of them, there would be one class left.
    """
    present = np.unique(labels)
    if len(present) < _FEWEST_CLASSES:
        return []
    return sorted(int(index) for index in np.random.default_rng(seed).permutation(present)[:MOST_CLASSES])


def count_unseen(
    parts: FeatureParts, setting: Setting, *, seed: int, advance: Callable[[int], None] = lambda _: None
) -> tuple[ForeignCounts, ...]:
    """Count the test photos of each class that get a label of a classifier without that class.

    A class is left out if it has no test photos, or all validation photos; all are if fewer than three have photos.

    Args:
        parts: features of all photos, as the file computes them.
        setting: classes and limits of the file.
        seed: draws the classes.
        advance: called with 1 after each class.
    """
    counts = []
    # See `condense_features`.
    with threadpool_limits(1):
        for index in draw_classes(parts.train.labels, seed):
            if (parts.test.labels == index).any() and (parts.validation.labels != index).any():
                counts.append(_count_class(parts, setting, index))
            advance(1)
    return tuple(counts)


def _count_class(parts: FeatureParts, setting: Setting, index: int) -> ForeignCounts:
    train = parts.train.select(parts.train.labels != index)
    validation = parts.validation.select(parts.validation.labels != index)
    unseen = parts.test.select(parts.test.labels == index)
    names = tuple(name for place, name in enumerate(setting.classes) if place != index)
    reference = condense_features(train.features, train.labels, most_bytes=setting.most_bytes)
    head = LogisticRegression(C=_INVERSE_REGULARIZATION, max_iter=_STEPS)
    head.fit(normalize_features(train.features), train.labels)

    def predict(photos: LabelledFeatures) -> PredictedPhotos:
        scores = np.zeros((len(photos.labels), len(setting.classes)))
        scores[:, head.classes_] = head.predict_proba(normalize_features(photos.features))
        return PredictedPhotos(
            # The columns of the classes that are left.
            scores=np.delete(scores, index, axis=1),
            similarities=compute_similarities(reference, photos.features),
            labels=photos.labels - (photos.labels > index),
        )

    thresholds = find_thresholds(predict(validation), names, setting.limits)
    return count_foreign(setting.classes[index], predict(unseen), thresholds)
