"""Photo folder and facts about its files → a Dataset whose parts share no photo, and why files are left out.

All decisions depend only on the content of the files, so they are the same on every machine.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos import near_duplicates
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, LeftOut, Part, Photo

# A larger fraction of a class has a common cause, such as a failed copy, that the user can repair.
UNUSABLE_LIMIT = 0.05
# Fewer photos of a class are too few to train and judge it.
FEWEST_PHOTOS = 10
# An error lists so many reasons of unusable photos in a class.
_MOST_CAUSES = 5
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFractions:
    """Fractions of all photos that become test and validation photos; all others are training photos."""

    test: float
    validation: float

    def __post_init__(self) -> None:
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise ConfigError(
                f"test {self.test:g} and validation {self.validation:g} leave no photos for training",
                hint="both are fractions of all photos, and their sum is below 1",
            )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A usable photo and its part, unless it is a near duplicate."""

    file: PhotoFile
    facts: PhotoFacts
    part: Part

    @property
    def photo(self) -> Photo:
        return Photo(path=self.file.path, label=self.file.label, sha256=self.facts.sha256)


def assemble_dataset(folder: PhotoFolder, facts: Sequence[PhotoFacts], split: SplitFractions) -> Dataset:
    """Split the photos of a folder into train, validation and test.

    - The part of a photo depends only on its sha256. So no photo changes its part when others are added or removed, and
      a test photo was never a training photo of an earlier dataset.
    - For the same reason, near duplicates of photos in an earlier part are left out of validation and test. Moving the
      group as a whole would make the part of a photo depend on the other photos.
    - Exact copies count once. All copies of a photo in two classes are left out: its label is unknown.
    - In a folder with preset parts, only missing parts are drawn, from the training photos.

    Args:
        folder: from `scan_photos`.
        facts: of each file of the folder, in order.
        split: fractions to draw.

    Returns:
        The dataset. Each part is sorted by class and sha256, so it does not depend on file names.

    Raises:
        DataError: names all classes with too few usable photos.
    """
    reasons: dict[str, str] = {}
    usable: list[tuple[PhotoFile, PhotoFacts]] = []
    for file, content in zip(folder.files, facts, strict=True):
        if content.problem:
            reasons[file.path] = content.problem
        else:
            usable.append((file, content))
    total = Counter(file.label for file in folder.files)
    unusable = total - Counter(file.label for file, _ in usable)
    unique = _remove_copies(usable, folder.classes, reasons)
    candidates = [_Candidate(file, content, _choose_part(file, content, folder, split)) for file, content in unique]
    candidates = _remove_near_duplicates(candidates, reasons)
    _check_enough(folder, candidates, (total, unusable), reasons)
    parts = {part: _sort_part(candidates, part) for part in _PARTS}
    left_out = [*folder.left_out, *(LeftOut(path=path, reason=reason) for path, reason in reasons.items())]
    return Dataset(
        root=folder.root,
        classes=folder.classes,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        left_out=tuple(sorted(left_out, key=lambda file: file.path)),
        sha256=_compute_digest(folder.classes, parts),
    )


def select_test_photos(
    folder: PhotoFolder, facts: Sequence[PhotoFacts]
) -> tuple[tuple[Photo, ...], tuple[LeftOut, ...]]:
    """Select the photos to compare external models on: the test part, or all photos of a folder without preset parts.

    Returns:
        The photos, sorted by class and sha256, and the files that are left out.

    Raises:
        DataError: no usable photo.
    """
    selected = [
        (file, content) for file, content in zip(folder.files, facts, strict=True) if file.part in ("test", None)
    ]
    reasons = {file.path: content.problem for file, content in selected if content.problem}
    usable = [(file, content) for file, content in selected if not content.problem]
    unique = _remove_copies(usable, folder.classes, reasons)
    if not unique:
        raise DataError(f"none of {len(selected)} test photos is usable", where=[folder.root])
    photos = (Photo(path=file.path, label=file.label, sha256=content.sha256) for file, content in unique)
    left_out = (LeftOut(path=path, reason=reason) for path, reason in reasons.items())
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256))), tuple(left_out)


def replace_parts(
    dataset: Dataset, *, train: Sequence[Photo], validation: Sequence[Photo], test: Sequence[Photo]
) -> Dataset:
    """Return a dataset of the same folder and classes with other parts, each sorted by class and sha256."""
    parts: dict[Part, tuple[Photo, ...]] = {
        part: tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256)))
        for part, photos in zip(_PARTS, (train, validation, test), strict=True)
    }
    return Dataset(
        root=dataset.root,
        classes=dataset.classes,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        left_out=(),
        sha256=_compute_digest(dataset.classes, parts),
    )


def draw_calibration_photos(dataset: Dataset, count: int, seed: int) -> tuple[Photo, ...]:
    """Draw training photos that set activation ranges: one of each class in turn.

    Args:
        dataset: only its training part is used.
        count: number of photos; all training photos if there are fewer.
        seed: the order within a class depends on the seed and on the content of the photos.
    """
    photos_of_class = defaultdict(list)
    for photo in dataset.train:
        # A new hash for each seed: the order by sha256 would always select the same photos.
        draw = hashlib.sha256(f"{seed}:{photo.sha256}".encode()).digest()
        photos_of_class[photo.label].append((draw, photo))
    drawn = [
        (turn, label, photo)
        for label, photos in photos_of_class.items()
        for turn, (_, photo) in enumerate(sorted(photos, key=lambda pair: pair[0]))
    ]
    drawn.sort(key=lambda entry: entry[:2])
    return tuple(photo for _, _, photo in drawn[:count])


def _remove_copies(
    usable: Iterable[tuple[PhotoFile, PhotoFacts]], classes: tuple[str, ...], reasons: dict[str, str]
) -> list[tuple[PhotoFile, PhotoFacts]]:
    """Select one file for each content, and none for content that is in two classes; add reasons for all others."""
    # A copy in a preset train part is preferred: the others would be duplicates of a training photo.
    preference: dict[Part | None, int] = {None: 0, "train": 0, "validation": 1, "test": 2}
    copies: defaultdict[str, list[tuple[PhotoFile, PhotoFacts]]] = defaultdict(list)
    for file, content in usable:
        copies[content.sha256].append((file, content))
    unique = []
    for group in copies.values():
        labels = sorted({file.label for file, _ in group})
        if len(labels) > 1:
            for file, _ in group:
                elsewhere = ", ".join(classes[label] for label in labels if label != file.label)
                reasons[file.path] = f"same photo also under {elsewhere}"
            continue
        first, *rest = sorted(group, key=lambda pair: preference[pair[0].part])
        unique.append(first)
        reasons.update({file.path: f"same photo as {first[0].path}" for file, _ in rest})
    return unique


def _choose_part(file: PhotoFile, content: PhotoFacts, folder: PhotoFolder, split: SplitFractions) -> Part:
    """Return the preset part of a photo, or draw one by the first 64 bits of its sha256, a uniform number in 0..1."""
    if file.part in ("validation", "test"):
        return file.part
    # Test comes first: another fraction of validation photos does not change the test photos.
    draw = int(content.sha256[:16], 16) / 2**64
    if draw < split.test:
        return "test" if "test" not in folder.preset_parts else "train"
    if draw < split.test + split.validation:
        return "validation" if "validation" not in folder.preset_parts else "train"
    return "train"


def _remove_near_duplicates(candidates: list[_Candidate], reasons: dict[str, str]) -> list[_Candidate]:
    """Remove near duplicates of training photos from validation, then of training and validation photos from test."""
    # Test last: a near duplicate that remains in validation must not be in test too.
    selected = [candidate for candidate in candidates if candidate.part == "train"]
    for part in ("validation", "test"):
        photos = [candidate for candidate in candidates if candidate.part == part]
        matches = near_duplicates.find_near_duplicates(_stack_thumbnails(photos), _stack_thumbnails(selected))
        for candidate, match in zip(photos, matches, strict=True):
            if match >= 0:
                duplicate = selected[match]
                reasons[candidate.file.path] = f"near duplicate of {duplicate.file.path} in {duplicate.part}"
        selected = selected + [candidate for candidate, match in zip(photos, matches, strict=True) if match < 0]
    return selected


def _stack_thumbnails(candidates: list[_Candidate]) -> near_duplicates.Thumbnails:
    thumbnails = b"".join(candidate.facts.thumbnail for candidate in candidates)
    return np.frombuffer(thumbnails, np.uint8).reshape(-1, near_duplicates.THUMBNAIL_BYTES)


def _check_enough(
    folder: PhotoFolder,
    candidates: list[_Candidate],
    counts: tuple[Counter[int], Counter[int]],
    reasons: dict[str, str],
) -> None:
    """Raise one DataError that names every class and part with too few photos.

    Args:
        folder: the folder.
        candidates: usable photos.
        counts: number of all photos and of unusable ones, by label.
        reasons: why files are left out, by path.
    """
    total, unusable = counts
    photos = Counter(candidate.file.label for candidate in candidates)
    training = Counter(candidate.file.label for candidate in candidates if candidate.part == "train")
    problems = []
    for label, name in enumerate(folder.classes):
        if unusable[label] > UNUSABLE_LIMIT * total[label]:
            causes = _count_causes(folder, label, reasons)
            problems.append(f"{name}: {unusable[label]} of {total[label]} photos are unusable ({causes})")
        if photos[label] < FEWEST_PHOTOS:
            problems.append(
                f"{name}: {photos[label]} usable photos of {total[label]}, at least {FEWEST_PHOTOS} are needed"
            )
        elif not training[label]:
            problems.append(f"{name}: none of {photos[label]} photos is left for training")
    parts = Counter(candidate.part for candidate in candidates)
    problems += [f"no photo is left for {part}" for part in ("validation", "test") if not parts[part]]
    if problems:
        raise DataError(
            "these photos cannot be used as they are",
            where=[folder.root, *problems],
            hint="add photos to these classes or remove their folders; copies of a photo count once",
        )


def _count_causes(folder: PhotoFolder, label: int, reasons: dict[str, str]) -> str:
    """Count why photos of a class are unusable, with a file for each of the most frequent reasons."""
    files = [file.path for file in folder.files if file.label == label and file.path in reasons]
    causes = Counter(reasons[path] for path in files)
    examples = {reasons[path]: path for path in reversed(files)}
    return "; ".join(f"{count} {cause}: {examples[cause]}" for cause, count in causes.most_common(_MOST_CAUSES))


def _sort_part(candidates: list[_Candidate], part: Part) -> tuple[Photo, ...]:
    photos = (candidate.photo for candidate in candidates if candidate.part == part)
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256)))


def _compute_digest(classes: tuple[str, ...], parts: dict[Part, tuple[Photo, ...]]) -> str:
    content = {name: [(photo.label, photo.sha256) for photo in photos] for name, photos in parts.items()}
    return hashlib.sha256(json.dumps([classes, content]).encode()).hexdigest()
