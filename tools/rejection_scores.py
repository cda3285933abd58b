"""Scores by which photos of other things are rejected, and how well each of them does it; numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds
from edgetl.core.rejection.conformal import find_conformal_threshold
from edgetl.core.rejection.similarity import compute_similarities, normalize_features
from tools.results_files import Row

Floats = NDArray[np.floating]
# The neighbour whose similarity is compared: single photos are no evidence.
NEIGHBOUR = 10
# Two bounds, each at this confidence, are an interval at 95 %.
_CONFIDENCE = 0.975
_BLOCK = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Dense layers from features to logits: kernel and bias of each, with a ReLU between two of them."""

    layers: tuple[tuple[Floats, Floats], ...]
    temperature: float

    def compute_logits(self, features: Floats) -> NDArray[np.float64]:
        """Compute logits [photos, classes] without the temperature."""
        values = np.asarray(features, np.float64)
        for position, (kernel, bias) in enumerate(self.layers):
            values = (np.maximum(values, 0) if position else values) @ kernel + bias
        return np.asarray(values * self.temperature)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Outputs of a file: scores [photos, classes], and features [photos, features]."""

    scores: Floats
    features: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """What photos are compared with: features of all training photos, those of the bundle, and the head."""

    training: Floats
    bundle: NDArray[np.int8]
    heads: tuple[Head, ...]


def compute_scores(outputs: Outputs, references: References) -> dict[str, NDArray[np.float64]]:
    """Compute each score of each photo: name → float64 [photos], higher for photos like one's own."""
    values: dict[str, Floats] = {"largest probability": outputs.scores.max(axis=1)}
    for head in references.heads:
        values["energy of the logits"] = compute_energy(head.compute_logits(outputs.features))
    values[f"similarity, {NEIGHBOUR}th nearest of all training photos"] = compute_neighbour_similarity(
        references.training, outputs.features
    )
    values["**similarity, reference features of the bundle**"] = compute_similarities(
        references.bundle, outputs.features
    )
    return {name: np.asarray(score, np.float64) for name, score in values.items()}


def compute_energy(logits: Floats) -> NDArray[np.float64]:
    """Compute the logarithm of the sum of exponentials of the logits of each photo.

    Source: Liu, Wang, Owens and Li (2020), Energy-based out-of-distribution detection, NeurIPS.
    """
    highest = logits.max(axis=1)
    return np.asarray(highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)))


def compute_neighbour_similarity(training: Floats, features: Floats, neighbour: int = NEIGHBOUR) -> Floats:
    """Compute the cosine similarity of each photo to its n-th nearest training photo: float [photos].

    Source: Sun, Ming, Zhu and Li (2022), Out-of-distribution detection with deep nearest neighbors, ICML.
    """
    rows, place = normalize_features(training), min(neighbour, len(training))
    similarities = []
    # In blocks: all pairs of thousands of photos would not fit into memory.
    for start in range(0, len(features), _BLOCK):
        cosines = normalize_features(features[start : start + _BLOCK]) @ rows.T
        similarities.append(np.partition(cosines, -place, axis=1)[:, -place])
    return np.concatenate(similarities)


def compute_auroc(own: Floats, foreign: Floats) -> float:
    """Compute the area under the ROC curve: how often an own photo has the higher score; equal ones count half."""
    ordered = np.sort(foreign)
    below = np.searchsorted(ordered, own, side="left")
    equal = np.searchsorted(ordered, own, side="right") - below
    return float((below + equal / 2).mean() / len(foreign))


def judge_scores(
    validation: Mapping[str, Floats],
    test: Mapping[str, Floats],
    foreign: Mapping[str, Mapping[str, Floats]],
    rejected_share: float,
) -> list[Row]:
    """Judge each score on each set of photos of other things.

    Args:
        validation: score → values of the validation photos, which set the threshold.
        test: score → values of the test photos.
        foreign: name of a set → score → values.
        rejected_share: share of one's own photos that may be rejected.

    Returns:
        A row for each score and set.
    """
    rows: list[Row] = []
    for score, values in validation.items():
        threshold = find_conformal_threshold(values, rejected_share)
        own = int((test[score] < threshold).sum())
        for name, scores in foreign.items():
            rejected, photos = int((scores[score] < threshold).sum()), len(scores[score])
            low, high = compute_wilson_bounds(rejected, photos, confidence=_CONFIDENCE)
            rows.append(
                {
                    "score": score,
                    "set": name,
                    "photos": photos,
                    "rejected": rejected / photos,
                    "low": low,
                    "high": high,
                    "auroc": compute_auroc(test[score], scores[score]),
                    "own_photos": len(test[score]),
                    "own_rejected": own / len(test[score]),
                }
            )
    return rows
