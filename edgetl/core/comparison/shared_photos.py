"""The test photos of two runs → those that both have, with the classes of the second in the order of the first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgetl.core.records import Photo
from edgetl.core.tasks.task import PhotoTask, make_task

# Hundreds of class names must not fill a sentence.
_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class RunPredictions:
    """The predictions of a file for the test photos of its run.

    Attributes:
        name: of the run, for sentences.
        classes: names of the classes or labels.
        photos: the test photos.
        scores: float [photos, classes].
        thresholds: for each label where a photo may have several; else empty.
    """

    name: str
    classes: tuple[str, ...]
    photos: tuple[Photo, ...]
    scores: np.ndarray
    thresholds: tuple[float, ...] = ()

    @property
    def task(self) -> PhotoTask:
        """What the file decides about a photo."""
        return make_task(self.thresholds)


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedPhotos:
    """Test photos that two runs have in common.

    Attributes:
        rows: their rows among the test photos of the first run: int64 [photos].
        base: the first run, with these photos only.
        candidate: the second run, with the same photos in the same order, and the classes in the order of the first.
        groups: name of the group of each photo, "" for none: see `merge_groups`.
        relabeled: photos that both have, with another class or other labels in each: they are left out.
    """

    rows: NDArray[np.int64]
    base: RunPredictions
    candidate: RunPredictions
    groups: list[str]
    relabeled: int = 0


def match_photos(base: RunPredictions, candidate: RunPredictions) -> SharedPhotos | str:
    """Find the test photos that two runs share, by the sha256 of the files.

    Returns:
        The photos, in the order of the first run; or a sentence with the reason why the runs cannot be paired.
    """
    reason = _explain_other_classes(base, candidate)
    if reason:
        return f"not comparable: {reason}"
    # Where a run has two copies of a photo, the first one counts.
    places: dict[str, int] = {}
    for row, photo in enumerate(candidate.photos):
        places.setdefault(photo.sha256, row)
    pairs, relabeled, seen = [], 0, set()
    for row, photo in enumerate(base.photos):
        if photo.sha256 not in places or photo.sha256 in seen:
            continue
        seen.add(photo.sha256)
        other = places[photo.sha256]
        if _name_labels(base, photo) == _name_labels(candidate, candidate.photos[other]):
            pairs.append((row, other))
        else:
            relabeled += 1
    if not pairs:
        if relabeled:
            return (
                f"not comparable: all {relabeled} test photos in common of {base.name} and {candidate.name} have "
                "another label in each"
            )
        return "not comparable: no test photo in common"
    rows = np.array(pairs, dtype=np.int64)
    return _align(base, candidate, rows, relabeled)


def merge_groups(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Merge two groupings of the same photos: photos that one of them keeps together are in one group.

    Args:
        first: name of the group of each photo, "" for none.
        second: the same of another run, whose names mean something else.

    Returns:
        The name of the merged group of each photo, "" for a photo that is in no group of either.
    """
    parents: dict[tuple[int, str], tuple[int, str]] = {}

    def find(node: tuple[int, str]) -> tuple[int, str]:
        parents.setdefault(node, node)
        while parents[node] != node:
            node = parents[node]
        return node

    for pair in zip(first, second, strict=True):
        nodes = [find((number, name)) for number, name in enumerate(pair) if name]
        if len(nodes) == 2:
            parents[nodes[1]] = nodes[0]
    merged = []
    for pair in zip(first, second, strict=True):
        nodes = [find((number, name)) for number, name in enumerate(pair) if name]
        merged.append(f"{nodes[0][0]}:{nodes[0][1]}" if nodes else "")
    return merged


def _align(base: RunPredictions, candidate: RunPredictions, rows: NDArray[np.int64], relabeled: int) -> SharedPhotos:
    columns = [candidate.classes.index(name) for name in base.classes]
    photos = tuple(base.photos[row] for row in rows[:, 0])
    others = [candidate.photos[row] for row in rows[:, 1]]
    return SharedPhotos(
        rows=rows[:, 0],
        base=replace(base, photos=photos, scores=base.scores[rows[:, 0]]),
        candidate=replace(
            candidate,
            classes=base.classes,
            # Their labels are indices of the classes of the first run.
            photos=photos,
            scores=candidate.scores[rows[:, 1]][:, columns],
            thresholds=tuple(candidate.thresholds[column] for column in columns if candidate.thresholds),
        ),
        groups=merge_groups([photo.group for photo in photos], [photo.group for photo in others]),
        relabeled=relabeled,
    )


def _name_labels(run: RunPredictions, photo: Photo) -> frozenset[str]:
    return frozenset(run.classes[index] for index in photo.list_classes())


def _explain_other_classes(base: RunPredictions, candidate: RunPredictions) -> str:
    """Say why the classes of two runs are not the same; "" if they are, in whatever order."""
    if bool(base.thresholds) != bool(candidate.thresholds):
        several, single = (base, candidate) if base.thresholds else (candidate, base)
        return f"a photo may have several labels in {several.name}, and has one class in {single.name}"
    only = [
        f"only {run.name} has {_list_names(names)}"
        for run, names in (
            (base, [name for name in base.classes if name not in candidate.classes]),
            (candidate, [name for name in candidate.classes if name not in base.classes]),
        )
        if names
    ]
    if not only:
        return ""
    return f"the {'labels' if base.thresholds else 'classes'} are not the same: {'; '.join(only)}"


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return f"{', '.join(names[:_MOST_NAMES])}{f' and {more} more' if more > 0 else ''}"
