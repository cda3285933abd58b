"""Scores of Keras and of a file → the photos that get heat maps, and for which class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgetl.core.tasks.task import PhotoTask

# Keras needs 5 to 30 ms a photo, and LiteRT without XNNPACK about as long: some seconds for all of them.
SAMPLE, MOST_CHANGED = 100, 200
KINDS = ("broke", "fixed", "differs")


class ChosenPhoto(NamedTuple):
    """A photo that gets heat maps: see `records.MappedPhoto`."""

    row: int
    kind: str
    sampled: bool
    label: int
    file_label: int


def choose_photos(
    truth: np.ndarray, scores: tuple[np.ndarray, np.ndarray], task: PhotoTask, seed: int
) -> tuple[list[ChosenPhoto], int]:
    """Choose all photos whose prediction changed, and a sample.

    Args:
        truth: int64 [photos], or [photos, labels].
        scores: of Keras and of the file, float [photos, classes].
        task: what is decided about a photo.
        seed: of the sample.

    Returns:
        The photos, those that broke first, then those that were fixed or are wrong in another way, then the sample: in
        each, in the order of the photos. At most `MOST_CHANGED` and `SAMPLE` of them. Second, the number of photos
        whose prediction changed.
    """
    before, after = (task.decide(array) for array in scores)
    kinds = [_find_kind(truth[row], before[row], after[row]) for row in range(len(truth))]
    changed = [row for kind in KINDS for row, name in enumerate(kinds) if name == kind]
    drawn = np.random.default_rng(seed).permutation(len(truth))[:SAMPLE].tolist()
    sampled = set(drawn)
    rows = list(dict.fromkeys([*changed[:MOST_CHANGED], *sorted(drawn)]))
    labels = [_find_labels(before[row], after[row], scores[0][row]) for row in rows]
    chosen = [ChosenPhoto(row, kinds[row], row in sampled, *pair) for row, pair in zip(rows, labels, strict=True)]
    return chosen, len(changed)


def _find_kind(truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> str:
    """Say what changed for a photo. Of several labels, one that broke counts before one that was fixed."""
    pairs: Sequence[tuple[bool, bool, bool]] = [
        (old == new, old == right, new == right)
        for right, old, new in zip(*map(np.atleast_1d, (truth, before, after)), strict=True)
    ]
    kinds = {"broke" if was else "fixed" if now else "differs" for same, was, now in pairs if not same}
    return next((kind for kind in KINDS if kind in kinds), "same")


def _find_labels(before: np.ndarray, after: np.ndarray, scores: np.ndarray) -> tuple[int, int]:
    """Return the classes that Keras and the file predict; of several labels, the first that changed, or the surest."""
    if before.ndim == 0:
        return int(before), int(after)
    changed = np.flatnonzero(before != after)
    label = int(changed[0]) if len(changed) else int(scores.argmax())
    return label, label
