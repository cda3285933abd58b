"""Scores and features of a photo → the result for it: a label, "unsure" between two labels, or "none of these".

A photo is none of the labels where its features are less similar to those of the training photos than nearly all
photos of the build were. It is unsure where the probability is below the threshold of the build. The thresholds and
their bounds are in model.json under "answers", the reference features in features.npy. Both come from `edgetl build`.

Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

REFERENCE_FILE = "features.npy"
# Float32 rounding of a dot product differs between processors in the last digits.
SIMILARITY_TOLERANCE = 1e-5


class Answer(NamedTuple):
    """The answer to one photo.

    Attributes:
        label: the most probable label.
        probability: its probability, 0..1.
        second: the second most probable label; the same as `label` where there is one label only.
        similarity: to the most similar reference features, -1..1; 1 in a bundle without reference features.
        known: whether the photo is similar enough to the photos of the build.
        accepted: whether it is known, and the probability high enough.
    """

    label: str
    probability: float
    second: str
    similarity: float
    known: bool
    accepted: bool

    def describe(self) -> str:
        """Describe the answer in a few words, such as "unsure: roses or tulips"."""
        if not self.known:
            return "none of these"
        return self.label if self.accepted else f"unsure: {self.label} or {self.second}"

    def to_json(self) -> dict[str, Any]:
        """Return the values for one line of JSON."""
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "accepted": self.accepted,
            "known": self.known,
            "similarity": round(self.similarity, 6),
        }


class Thresholds:
    """The thresholds and the reference features of a bundle.

    Attributes:
        is_set: whether the bundle has thresholds. Without them, every photo is known and accepted.
    """

    def __init__(self, facts: Mapping[str, Any], reference: np.ndarray[Any, Any] | None) -> None:
        """Take the thresholds from model.json.

        Args:
            facts: the content of model.json; without "answers", every photo is known and accepted.
            reference: int8 [references, features]; None for a bundle without reference features.
        """
        thresholds = facts.get("answers", {})
        several_labels = bool(facts.get("output", {}).get("thresholds"))
        self.is_set = bool(thresholds)
        # Each of several labels has a threshold of its own.
        self._least_probability = 0.0 if several_labels else float(thresholds.get("least_probability", 0.0))
        self._least_similarities = {
            label: float(value) for label, value in thresholds.get("least_similarities", {}).items()
        }
        self._reference = None if reference is None else normalize_rows(reference)

    @classmethod
    def load(cls, facts: Mapping[str, Any], folder: Path) -> Thresholds:
        """Load the reference features of a bundle, where it has some.

        Raises:
            ValueError: the file contains anything else.
        """
        return cls(facts, load_reference(folder) if "answers" in facts else None)

    def answer(self, probabilities: Mapping[str, float], features: np.ndarray[Any, Any] | None) -> Answer:
        """Answer for one photo.

        Args:
            probabilities: label → probability, 0..1.
            features: float [features], the second output of the model, dequantized; None for a model without it.

        Raises:
            ValueError: the bundle has reference features, and the model has no features.
        """
        ranked = sorted(probabilities, key=lambda label: -probabilities[label])
        label, probability = ranked[0], probabilities[ranked[0]]
        similarity = 1.0
        if self._reference is not None:
            if features is None:
                raise ValueError(f"the model has no features to compare with {REFERENCE_FILE}")
            similarity = compute_similarity(self._reference, features)
        known = similarity >= self._least_similarities.get(label, -1.0) - SIMILARITY_TOLERANCE
        return Answer(
            label=label,
            probability=probability,
            second=ranked[min(1, len(ranked) - 1)],
            similarity=similarity,
            known=known,
            accepted=known and probability >= self._least_probability,
        )

    def explain(self, answer: Answer) -> str:
        """Explain why an answer is no label, such as "similarity 0.577, a label needs 0.650"; "" where it is one."""
        if not answer.known:
            least = self._least_similarities[answer.label]
            return "similarity {}, a label needs {}".format(*_format_apart(answer.similarity, least, "{:.%df}", 3))
        if not answer.accepted:
            least = self._least_probability
            return "probability {}, a label needs {}".format(*_format_apart(answer.probability, least, "{:.%d%%}", 1))
        return ""


def _format_apart(value: float, least: float, pattern: str, digits: int) -> tuple[str, str]:
    """Format two numbers with as many decimals, at least `digits`, as are needed to see that they differ."""
    for decimals in range(digits, 7):
        texts = tuple((pattern % decimals).format(number) for number in (value, least))
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]


def load_reference(folder: Path) -> np.ndarray[Any, Any]:
    """Load the reference features of a bundle that has some: int8 [references, features].

    Raises:
        ValueError: the file contains anything else.
    """
    reference: np.ndarray[Any, Any] = np.load(folder / REFERENCE_FILE, allow_pickle=False)
    if reference.ndim != 2 or reference.dtype != np.int8:
        raise ValueError(f"{REFERENCE_FILE} is {reference.dtype} {reference.shape}, not int8 [rows, features]")
    return reference


def normalize_rows(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale each row to length 1: float32 of the same shape. A row of zeros stays."""
    values = rows.astype(np.float32)
    lengths = np.sqrt((values * values).sum(axis=-1, keepdims=True))
    return np.asarray(values / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def compute_similarity(reference: np.ndarray[Any, Any], features: np.ndarray[Any, Any]) -> float:
    """Return the largest cosine similarity of features to a row of the reference, -1..1; 0 for features of zeros.

    Args:
        reference: float32 [references, features], rows of length 1.
        features: float [features].
    """
    return float((reference @ normalize_rows(features)).max())
