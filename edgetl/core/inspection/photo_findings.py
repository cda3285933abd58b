"""The photos of a run, with what a build or an inspection found in them, and the words for it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.findings import BadPhoto, BuildFindings, ConfusedPair, Inspection, Shortcut, Suspect
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import Dataset, Photo

FINDINGS_STAGE = "findings"


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFindings:
    """What is known of the photos of a run. Rows are those of `photos`.

    Attributes:
        photos: all, in the order of `list_all_photos`.
        groups: near duplicates and bursts.
        built: findings of the build, empty where they were not collected.
        inspected: findings of `edgetl inspect` about the same photos; empty where it was not used.
        link: address of the page of that inspection, relative to that of the report; "" if there is none.
    """

    photos: tuple[Photo, ...]
    groups: tuple[tuple[int, ...], ...]
    built: tuple[BuildFindings, ...] = ()
    inspected: tuple[Inspection, ...] = ()
    link: str = ""

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """Photos whose labels are likely wrong, the most likely first."""
        return self._select("suspects")

    @property
    def bad_photos(self) -> tuple[BadPhoto, ...]:
        """Photos with a problem that one sees."""
        return self._select("bad_photos")

    @property
    def pairs(self) -> tuple[ConfusedPair, ...]:
        """Classes that are confused, those with the most photos first."""
        return self._select("pairs")

    @property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        """What was tried as a shortcut."""
        return self._select("shortcuts")

    def _select(self, name: str) -> tuple[Any, ...]:
        return tuple(getattr((*self.inspected, *self.built)[0], name)) if self.inspected or self.built else ()


def combine_findings(dataset: Dataset, findings: BuildFindings | Inspection | None) -> PhotoFindings:
    """Combine the photos of a run with what was found in them; None if nothing looked for it."""
    photos = list_all_photos(dataset)
    return PhotoFindings(
        photos=photos,
        groups=list_repeated(number_groups([photo.group for photo in photos])),
        built=(findings,) if isinstance(findings, BuildFindings) else (),
        inspected=(findings,) if isinstance(findings, Inspection) else (),
    )


def list_repeated(groups: NDArray[np.integer]) -> tuple[tuple[int, ...], ...]:
    """List the rows of each group of two photos or more, the largest first.

    Args:
        groups: int [photos], the group of each photo.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups.tolist()):
        members[group].append(row)
    return tuple(
        sorted((tuple(rows) for rows in members.values() if len(rows) > 1), key=lambda rows: (-len(rows), rows))
    )


def describe_photo_labels(classes: Sequence[str], photo: Photo) -> str:
    """Name the class of a photo, or its labels."""
    return ", ".join(classes[index] for index in photo.list_classes() if index < len(classes)) or "no label"


def describe_suspect(classes: Sequence[str], photo: Photo, suspect: Suspect) -> tuple[str, str]:
    """Return the label of a suspect, and the more likely one.

    Where a photo may have several labels, the suspect is one decision: with a label, or without it.
    """
    name = classes[suspect.suggested]
    if not photo.labels:
        return classes[photo.label], name
    words = f"without {name}", f"with {name}"
    return (words[1], words[0]) if photo.labels[suspect.suggested] else words


def count_suspects(suspects: Sequence[Suspect], photos: Sequence[Photo]) -> Counter[int]:
    """Count the suspects of each class, or of each label."""
    return Counter(
        suspect.suggested if photos[suspect.row].labels else photos[suspect.row].label for suspect in suspects
    )


def describe_pair(
    classes: Sequence[str], pair: ConfusedPair, show: Callable[[int, int], dict[str, str]]
) -> dict[str, Any]:
    """Describe two classes that are confused, for a page.

    Args:
        classes: class names.
        pair: the two classes.
        show: returns a thumbnail of a row, of at most so many pixels.
    """
    return {
        "label": classes[pair.label],
        "predicted": classes[pair.predicted],
        "photos": pair.photos,
        "total": pair.total,
        "between": [show(row, 72) for row in pair.between],
    }
