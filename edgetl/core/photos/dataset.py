"""Photo folder and facts about its files → a Dataset whose parts share no photo, and why files are left out.

All decisions depend only on the content of the files, so they are the same on every machine.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from edgetl.core.errors import DataError
from edgetl.core.photos.groups import across_parts, empty_parts
from edgetl.core.photos.groups.near_groups import name_near_duplicates
from edgetl.core.photos.groups.usable_photo import DuplicateChoice, UsablePhoto
from edgetl.core.photos.layout.photo_lists import SEVERAL_HINT, SEVERAL_LIMIT
from edgetl.core.photos.parts.draw import SplitFractions, draw_parts
from edgetl.core.photos.parts.label_copies import list_frequent_labels, unite_copies
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, LeftOut, Part, Photo

# A larger fraction of a class has a common cause, such as a failed copy, that the user can repair.
UNUSABLE_LIMIT = 0.05
# Fewer photos of a class are too few to train and judge it.
FEWEST_PHOTOS = 10
# An error lists so many reasons of unusable photos in a class.
_MOST_CAUSES = 5
_ELSEWHERE = "same photo also under"
# Fewer files of photos in several class folders are mistakes, however few photos there are.
_FEWEST_SEVERAL = 10
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


def assemble_dataset(
    folder: PhotoFolder,
    facts: Sequence[PhotoFacts],
    split: SplitFractions,
    *,
    duplicates: DuplicateChoice = "group",
) -> Dataset:
    """Split the photos of a folder into train, validation and test.

    - The part of a photo without a group depends only on its sha256. So it does not change its part when others are
      added or removed, and a test photo was never a training photo of an earlier dataset.
    - Photos of one group are in one part, which depends on the name of the group.
    - Near duplicates form groups, or are left out of validation and test, or are kept: see `DuplicateChoice`. Groups
      that the files have already come first.
    - Exact copies count once. All copies of a photo in two classes are left out: its label is unknown.
    - In a folder with preset parts, only missing parts are drawn, from the training photos. Where a group or near
      duplicates are in two parts, the photos of the later part are left out.

    Args:
        folder: from `scan_photos`.
        facts: of each file of the folder, in order.
        split: fractions to draw.
        duplicates: what happens to near duplicates.

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
    unique = (
        unite_copies(usable, folder, reasons) if folder.multi_label else _remove_copies(usable, folder.classes, reasons)
    )
    _check_several_classes(folder, reasons)
    photos = [UsablePhoto(file, content, file.group) for file, content in unique]
    notes: list[str] = []
    if duplicates == "group":
        photos, notes = name_near_duplicates(photos, split.compute_training(folder.preset_parts))
    photos = draw_parts(photos, folder.preset_parts, split)
    photos = across_parts.remove_divided_groups(photos, reasons)
    photos = across_parts.remove_near_duplicates(photos, duplicates, reasons)
    _check_enough(folder, photos, (total, unusable), reasons)
    if duplicates == "group" and any(file.group for file in folder.files):
        notes += across_parts.describe_near_duplicates(photos)
    parts = {part: _sort_part(photos, part) for part in _PARTS}
    return Dataset(
        root=folder.root,
        classes=folder.classes,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        left_out=_list_left_out(folder, reasons),
        sha256=_compute_digest(folder.classes, parts),
        notes=tuple(notes),
        multi_label=folder.multi_label,
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
        raise DataError(
            f"none of {len(selected)} test photos is usable",
            where=[folder.root],
            left_out=[(file.path, file.reason) for file in _list_left_out(folder, reasons)],
        )
    photos = (Photo(path=file.path, label=file.label, sha256=content.sha256) for file, content in unique)
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256))), _list_left_out(folder, reasons)


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
        multi_label=dataset.multi_label,
    )


def use_model_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return the same photos, of one class each, with the classes of a model, of which some have no photos.

    Args:
        dataset: its classes are among the names.
        names: the classes of the model, in the order of its outputs.
    """
    label_of_class = {name: label for label, name in enumerate(names)}
    labels = [label_of_class[name] for name in dataset.classes]
    renumbered = {
        part: tuple(photo.model_copy(update={"label": labels[photo.label]}) for photo in dataset.part(part))
        for part in _PARTS
    }
    changed = replace_parts(
        dataset.model_copy(update={"classes": tuple(names)}),
        train=renumbered["train"],
        validation=renumbered["validation"],
        test=renumbered["test"],
    )
    return changed.model_copy(update={"left_out": dataset.left_out, "notes": dataset.notes})


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
                reasons[file.path] = f"{_ELSEWHERE} {elsewhere}"
            continue
        first, *rest = sorted(group, key=lambda pair: preference[pair[0].part])
        unique.append(first)
        reasons.update({file.path: f"same photo as {first[0].path}" for file, _ in rest})
    return unique


def _check_several_classes(folder: PhotoFolder, reasons: dict[str, str]) -> None:
    """Refuse class folders that have many photos in common: they are no mistakes, but labels."""
    several = [f"{path}: {reason}" for path, reason in reasons.items() if reason.startswith(_ELSEWHERE)]
    if len(several) >= _FEWEST_SEVERAL and len(several) > SEVERAL_LIMIT * len(folder.files):
        raise DataError(
            f"{len(several)} of {len(folder.files)} files are photos that are in several class folders",
            where=[folder.root, *several[:_MOST_CAUSES]],
            hint=f"{SEVERAL_HINT}; where they have one class, leave each in one folder",
        )


def _check_enough(
    folder: PhotoFolder,
    photos: list[UsablePhoto],
    counts: tuple[Counter[int], Counter[int]],
    reasons: dict[str, str],
) -> None:
    """Raise one DataError that names every class and part with too few photos.

    Args:
        folder: the folder.
        photos: usable photos.
        counts: number of all photos and of unusable ones, by label.
        reasons: why files are left out, by path.
    """
    total, unusable = counts
    usable = Counter(label for photo in photos for label in photo.file.list_classes())
    training = Counter(label for photo in photos if photo.part == "train" for label in photo.file.list_classes())
    problems = []
    for label, name in enumerate(folder.classes):
        if unusable[label] > UNUSABLE_LIMIT * total[label]:
            causes = _count_causes(folder, label, reasons)
            problems.append(f"{name}: {unusable[label]} of {total[label]} photos are unusable ({causes})")
        if usable[label] < FEWEST_PHOTOS:
            problems.append(
                f"{name}: {usable[label]} usable photos of {total[label]}, at least {FEWEST_PHOTOS} are needed"
            )
        elif not training[label]:
            problems.append(f"{name}: none of {usable[label]} photos is left for training")
    hint = "add photos to these classes or remove their folders; copies of a photo count once"
    if folder.multi_label:
        files = [photo.file for photo in photos]
        problems += list_frequent_labels(folder.classes, files, FEWEST_PHOTOS)
        hint = "add photos with these labels and without them, or leave the labels out; copies of a photo count once"
    if any(unusable[label] > UNUSABLE_LIMIT * total[label] for label in range(len(folder.classes))):
        hint = f"repair, replace or delete the unusable files; {hint}"
    empty = empty_parts.list_empty_parts(photos)
    if empty:
        # The hint about classes would not help where only a part is empty.
        hint = "; ".join([*([hint] if problems else []), empty_parts.suggest_remedy(photos, reasons.values())])
        cause = empty_parts.explain_cause(photos, reasons.values())
        problems += [f"no photo is left for {part}{cause}" for part in empty]
    if problems:
        raise DataError(
            "these photos cannot be used as they are",
            where=[folder.root, *problems],
            hint=hint,
            left_out=[(file.path, file.reason) for file in _list_left_out(folder, reasons)],
        )


def _list_left_out(folder: PhotoFolder, reasons: dict[str, str]) -> tuple[LeftOut, ...]:
    """List the files that are left out by their names and by their content, sorted by path."""
    left_out = [*folder.left_out, *(LeftOut(path=path, reason=reason) for path, reason in reasons.items())]
    return tuple(sorted(left_out, key=lambda file: file.path))


def _count_causes(folder: PhotoFolder, label: int, reasons: dict[str, str]) -> str:
    """Count why photos of a class are unusable, with a file for each of the most frequent reasons."""
    files = [file.path for file in folder.files if label in file.list_classes() and file.path in reasons]
    causes = Counter(reasons[path] for path in files)
    examples = {reasons[path]: path for path in reversed(files)}
    return "; ".join(f"{count} {cause}: {examples[cause]}" for cause, count in causes.most_common(_MOST_CAUSES))


def _sort_part(photos: list[UsablePhoto], part: Part) -> tuple[Photo, ...]:
    records = (photo.photo for photo in photos if photo.part == part)
    return tuple(sorted(records, key=lambda photo: (photo.label, photo.sha256)))


def _compute_digest(classes: tuple[str, ...], parts: dict[Part, tuple[Photo, ...]]) -> str:
    # Several labels are a list, so that no data set of classes has the same hash.
    content = {
        name: [(photo.labels or photo.label, photo.sha256) for photo in photos] for name, photos in parts.items()
    }
    return hashlib.sha256(json.dumps([classes, content]).encode()).hexdigest()
