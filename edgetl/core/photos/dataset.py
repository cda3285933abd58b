"""In: a tree of files, what is known of each. Out: a Dataset whose parts share nothing, and why the rest is left out.

Pure decisions, taken from the files' content alone, so that they come out the same on every machine and every day.
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

UNUSABLE_LIMIT = 0.05
FEWEST_PHOTOS = 10
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFractions:
    """The fractions of all photos that become test and validation photos; the rest is for training."""

    test: float
    validation: float

    def __post_init__(self) -> None:
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise ConfigError(
                f"test {self.test:g} and validation {self.validation:g} leave nothing to train on",
                hint="both are fractions of all photos, and their sum is below 1",
            )


@dataclass(frozen=True, slots=True)
class _Candidate:
    file: PhotoFile
    glimpse: PhotoFacts
    part: Part

    @property
    def photo(self) -> Photo:
        return Photo(path=self.file.path, label=self.file.label, sha256=self.glimpse.sha256)


def assemble_dataset(tree: PhotoFolder, glimpses: Sequence[PhotoFacts], split: SplitFractions) -> Dataset:
    """Sort the photos into train, validation and test.

    - A photo's part follows from its sha256 alone, so adding or removing photos never moves another one to a different
      part, and a test photo of today was never trained on yesterday.
    - That is also why near duplicates across parts are left out of validation and test rather than moved: moving a
      group as a whole would make a photo's part depend on its company.
    - Exact copies count once. The same photo under two classes says nothing about either: every copy is left out.
    - In a tree that is already split, only a part that it does not have is drawn, from its training photos.

    Args:
        tree: what `scan` found.
        glimpses: one per file of the tree, in its order.
        split: the fractions to draw.

    Returns:
        The dataset; each part is in order of class and sha256, so that it does not depend on file names.

    Raises:
        DataError: classes with too few usable photos, all of them in one error.
    """
    reasons: dict[str, str] = {}
    usable: list[tuple[PhotoFile, PhotoFacts]] = []
    for file, glimpse in zip(tree.files, glimpses, strict=True):
        if glimpse.problem:
            reasons[file.path] = glimpse.problem
        else:
            usable.append((file, glimpse))
    total = Counter(file.label for file in tree.files)
    unusable = total - Counter(file.label for file, _ in usable)
    single = _without_copies(usable, tree.classes, reasons)
    kept = _apart([_Candidate(file, glimpse, _part(file, glimpse, tree, split)) for file, glimpse in single], reasons)
    _demand(tree, kept, total, unusable)
    parts = {part: _ordered(kept, part) for part in _PARTS}
    left_out = [*tree.left_out, *(LeftOut(path=path, reason=reason) for path, reason in reasons.items())]
    return Dataset(
        root=tree.root,
        classes=tree.classes,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        left_out=tuple(sorted(left_out, key=lambda left: left.path)),
        sha256=_digest(tree.classes, parts),
    )


def select_test_photos(
    tree: PhotoFolder, glimpses: Sequence[PhotoFacts]
) -> tuple[tuple[Photo, ...], tuple[LeftOut, ...]]:
    """The photos to judge a model made elsewhere by, and what is left out: the test part, or all of an unsplit tree.

    Raises:
        DataError: no usable photo.
    """
    chosen = [
        (file, glimpse) for file, glimpse in zip(tree.files, glimpses, strict=True) if file.part in ("test", None)
    ]
    reasons = {file.path: glimpse.problem for file, glimpse in chosen if glimpse.problem}
    usable = [(file, glimpse) for file, glimpse in chosen if not glimpse.problem]
    single = _without_copies(usable, tree.classes, reasons)
    if not single:
        raise DataError("no usable photo to judge by", where=[tree.root, f"{len(chosen)} files looked at"])
    photos = (Photo(path=file.path, label=file.label, sha256=glimpse.sha256) for file, glimpse in single)
    left_out = (LeftOut(path=path, reason=reason) for path, reason in reasons.items())
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256))), tuple(left_out)


def draw_calibration_photos(dataset: Dataset, count: int, seed: int) -> tuple[Photo, ...]:
    """Training photos to set activation ranges by: the classes in turn, each in an order drawn from content and seed.

    Args:
        dataset: where they come from; only its training part.
        count: how many; all of them where there are fewer.
        seed: another seed, another draw.
    """
    drawn = defaultdict(list)
    for photo in dataset.train:
        drawn[photo.label].append((hashlib.sha256(f"{seed}:{photo.sha256}".encode()).digest(), photo))
    turns = [
        (turn, label, photo)
        for label, photos in drawn.items()
        for turn, (_, photo) in enumerate(sorted(photos, key=lambda pair: pair[0]))
    ]
    turns.sort(key=lambda entry: entry[:2])
    return tuple(photo for _, _, photo in turns[:count])


def _without_copies(
    usable: Iterable[tuple[PhotoFile, PhotoFacts]], classes: tuple[str, ...], reasons: dict[str, str]
) -> list[tuple[PhotoFile, PhotoFacts]]:
    """One file for each content, none for content under two classes."""
    order: dict[Part | None, int] = {None: 0, "train": 0, "validation": 1, "test": 2}
    copies: defaultdict[str, list[tuple[PhotoFile, PhotoFacts]]] = defaultdict(list)
    for file, glimpse in usable:
        copies[glimpse.sha256].append((file, glimpse))
    single = []
    for group in copies.values():
        labels = sorted({file.label for file, _ in group})
        if len(labels) > 1:
            for file, _ in group:
                others = ", ".join(classes[label] for label in labels if label != file.label)
                reasons[file.path] = f"same photo also under {others}"
            continue
        first, *rest = sorted(group, key=lambda pair: order[pair[0].part])
        single.append(first)
        reasons.update({file.path: f"same photo as {first[0].path}" for file, _ in rest})
    return single


def _part(file: PhotoFile, glimpse: PhotoFacts, tree: PhotoFolder, split: SplitFractions) -> Part:
    """The part a photo belongs to: the one it was given, or what the first 64 bits of its sha256 draw."""
    if file.part in ("validation", "test"):
        return file.part
    draw = int(glimpse.sha256[:16], 16) / 2**64
    if draw < split.test:
        return "test" if "test" not in tree.given else "train"
    if draw < split.test + split.validation:
        return "validation" if "validation" not in tree.given else "train"
    return "train"


def _apart(candidates: list[_Candidate], reasons: dict[str, str]) -> list[_Candidate]:
    """The candidates without validation photos that look like a training photo, and test photos like any of both."""
    kept = [candidate for candidate in candidates if candidate.part == "train"]
    for part in ("validation", "test"):
        mine = [candidate for candidate in candidates if candidate.part == part]
        twins = near_duplicates.find_near_duplicates(_stacked(mine), _stacked(kept))
        for candidate, twin in zip(mine, twins, strict=True):
            if twin >= 0:
                reasons[candidate.file.path] = f"near duplicate of {kept[twin].file.path} in {kept[twin].part}"
        kept = kept + [candidate for candidate, twin in zip(mine, twins, strict=True) if twin < 0]
    return kept


def _stacked(candidates: list[_Candidate]) -> near_duplicates.Bytes:
    every = b"".join(candidate.glimpse.thumbnail for candidate in candidates)
    return np.frombuffer(every, np.uint8).reshape(-1, near_duplicates.BYTES)


def _demand(tree: PhotoFolder, kept: list[_Candidate], total: Counter[int], unusable: Counter[int]) -> None:
    """Raise one DataError for everything that is too little."""
    photos = Counter(candidate.file.label for candidate in kept)
    training = Counter(candidate.file.label for candidate in kept if candidate.part == "train")
    problems = []
    for label, name in enumerate(tree.classes):
        if unusable[label] > UNUSABLE_LIMIT * total[label]:
            problems.append(f"{name}: {unusable[label]} of {total[label]} photos are unusable")
        if photos[label] < FEWEST_PHOTOS:
            problems.append(
                f"{name}: {photos[label]} usable photos of {total[label]}, at least {FEWEST_PHOTOS} are needed"
            )
        elif not training[label]:
            problems.append(f"{name}: none of {photos[label]} photos is left for training")
    parts = Counter(candidate.part for candidate in kept)
    problems += [f"no photo is left for {part}" for part in ("validation", "test") if not parts[part]]
    if problems:
        raise DataError(
            "these photos cannot be used as they are",
            where=[tree.root, *problems],
            hint="add photos to these classes or remove their folders; copies of a photo count once",
        )


def _ordered(kept: list[_Candidate], part: Part) -> tuple[Photo, ...]:
    photos = (candidate.photo for candidate in kept if candidate.part == part)
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256)))


def _digest(classes: tuple[str, ...], parts: dict[Part, tuple[Photo, ...]]) -> str:
    content = {name: [(photo.label, photo.sha256) for photo in photos] for name, photos in parts.items()}
    return hashlib.sha256(json.dumps([classes, content]).encode()).hexdigest()
