"""How often answers of a stated probability are right: the reliability table and the expected calibration error."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from edgetl.core.record import Record


class ReliabilityBin(Record):
    """Answers with a probability in low..high: their number, mean probability and the share that is right."""

    low: float
    high: float
    photos: int
    probability: float
    accuracy: float


class Reliability(Record):
    """How often the answers of a model are right: the expected calibration error, 0..1, and the table.

    `title` names the model, and `bins` are those with photos; of labels, they have decisions.
    """

    title: str
    calibration_error: float
    bins: tuple[ReliabilityBin, ...]


def tabulate_reliability(probabilities: ArrayLike, correct: ArrayLike, *, bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """Tabulate answers by their probability, in bins of equal width; bins without photos are left out.

    Args:
        probabilities: float [photos], of the predicted class, 0..1.
        correct: bool [photos].
        bins: number of bins.

    Raises:
        ValueError: arrays of different lengths.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 2, with 15 bins.
    """
    values, right = np.asarray(probabilities, dtype=np.float64), np.asarray(correct, dtype=bool)
    if values.ndim != 1 or values.shape != right.shape:
        raise ValueError(f"probabilities {values.shape} and correct {right.shape} must both be [photos]")
    edges = np.linspace(0, 1, bins + 1)
    # A bin contains its upper edge, as in the source, and the first one also 0.
    places = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, bins - 1)
    return tuple(
        ReliabilityBin(
            low=float(edges[place]),
            high=float(edges[place + 1]),
            photos=int((places == place).sum()),
            probability=float(values[places == place].mean()),
            accuracy=float(right[places == place].mean()),
        )
        for place in np.unique(places)
    )


def compute_reliability_gap(table: tuple[ReliabilityBin, ...]) -> float:
    """Compute the expected calibration error, 0..1: the mean over photos of |probability - accuracy| of their bin."""
    photos = sum(row.photos for row in table)
    return sum(row.photos * abs(row.probability - row.accuracy) for row in table) / photos if photos else 0.0


def merge_bins(table: tuple[ReliabilityBin, ...], edges: tuple[float, ...]) -> tuple[ReliabilityBin, ...]:
    """Merge the bins of a table between edges; those without photos are left out.

    Args:
        table: from `tabulate_reliability`.
        edges: ascending, from 0 to 1. A bin belongs where its upper edge is.
    """
    merged = []
    for low, high in pairwise(edges):
        rows = [row for row in table if low < row.high - 1e-9 <= high]
        photos = sum(row.photos for row in rows)
        if photos:
            merged.append(
                ReliabilityBin(
                    low=low,
                    high=high,
                    photos=photos,
                    probability=sum(row.photos * row.probability for row in rows) / photos,
                    accuracy=sum(row.photos * row.accuracy for row in rows) / photos,
                )
            )
    return tuple(merged)
