"""A folder or a list of photos → its classes and photo files, in an order that is the same on every machine.

Layouts: PHOTOS/<class>/..., PHOTOS/{train,val,test}/<class>/... with preset parts, a CSV file with paths and labels, or
the class in the name of each file. `layout.folders` decides about folders.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NoReturn

from edgetl.core.errors import DataError
from edgetl.core.photos import wrong_photos
from edgetl.core.photos.layout import file_names
from edgetl.core.photos.layout.folders import Layout, LayoutChoice, find_layout
from edgetl.core.photos.layout.labelled_files import (
    LabelledFile,
    collect_from_folders,
    collect_from_lists,
    collect_from_names,
    collect_unlisted,
    find_lists,
)
from edgetl.core.photos.layout.names import SUFFIXES, is_photo_name
from edgetl.core.photos.layout.tree import FolderTree, read_tree
from edgetl.core.records import LeftOut, Part

LabelSource = Literal["folder", "name"]

# Files that an error names; the others are in its list.
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo file, not opened yet: posix path from the root, class index, preset part if there is one, and group."""

    path: str
    label: int
    part: Part | None
    group: str = ""


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """Content of a folder or a list of photos.

    Attributes:
        root: the folder that paths are relative to, absolute.
        classes: class names in Unicode NFC, sorted.
        preset_parts: parts that the photos are already split into; empty if there are none.
        files: photo files, sorted by path.
        left_out: all other files.
        notes: sentences about how the folder was read, where that is not plain.
    """

    root: Path
    classes: tuple[str, ...]
    preset_parts: tuple[Part, ...]
    files: tuple[PhotoFile, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, in order."""
        return tuple(file.path for file in self.files)


def scan_photos(path: Path, *, layout: LayoutChoice = "auto", label_from: LabelSource = "folder") -> PhotoFolder:
    """Scan a folder of photos, or read a list of photos, without opening any photo.

    Links are followed, but no folder is entered from inside itself. A file whose extension is not that of a photo is
    left out with the extension as reason, so that a caller can count them.

    Args:
        path: a folder, or a CSV file with columns for path and label.
        layout: whether the folders of the first level are classes or parts; "auto" decides by their names.
        label_from: whether the class of a photo is the name of its folder or in the name of the file.

    Raises:
        DataError: no folder, an empty one, no classes, a single class, parts with different classes, or a folder that
            can be read in two ways.
    """
    path = path.absolute()
    if path.is_file() and path.suffix.lower() == ".csv":
        return _read_files(path.parent, collect_from_lists(path.parent, [path]), [])
    if not path.is_dir():
        message, hint = wrong_photos.explain_path(path, SUFFIXES)
        _refuse(message, hint, path)
    tree = read_tree(path)
    try:
        if label_from == "name":
            named = find_layout(tree.root, layout, class_folders=False)
            return _read_files(path, list(collect_from_names(path, named)), [*named.notes, *_count_ignored(tree)])
        lists = find_lists(path, tree.root) if layout == "auto" else ()
        if lists:
            note = f"labels are from {', '.join(file.relative_to(path).as_posix() for file in lists)}"
            listed = collect_from_lists(path, lists)
            files = [*listed, *collect_unlisted(tree.root, listed)]
            return _read_files(path, files, [note, *_count_ignored(tree)])
        return _read_folders(path, tree, find_layout(tree.root, layout))
    except DataError as error:
        # The functions below know paths inside the folder only.
        if str(path) not in error.where:
            error.where = (str(path), *error.where)
        raise


def _read_folders(root: Path, tree: FolderTree, layout: Layout) -> PhotoFolder:
    """Read a folder whose class folders are known."""
    hidden = list(_list_hidden_classes(root, layout))
    _check_not_flat(layout, hidden)
    names = {part: {folder.name for folder in layout.list_classes(holder)} for part, holder in layout.holders.items()}
    classes = _unite_classes(names, hidden)
    files = [*collect_from_folders(root, tree.root, layout), *hidden]
    return _assemble(root, classes, tuple(layout.parts), files, [*layout.notes, *_count_ignored(tree)])


def _list_hidden_classes(root: Path, layout: Layout) -> Iterator[LabelledFile]:
    """Yield the folders with photos whose names begin with a dot, among the class folders."""
    for part, holder in layout.holders.items():
        for name in holder.hidden:
            path = PurePosixPath(holder.path) / name
            if _has_photos(root / path):
                reason = "the name begins with a dot: rename the folder to use it as a class"
                yield LabelledFile(f"{path.as_posix()}/", "", part, reason)


def _has_photos(folder: Path) -> bool:
    try:
        return any(is_photo_name(path.name) for path in folder.iterdir())
    except OSError:  # A hidden folder of the system or of another user, such as a waste basket.
        return False


def _read_files(root: Path, files: Sequence[LabelledFile], notes: Sequence[str]) -> PhotoFolder:
    """Read files that have their classes already. Parts without a usable photo do not count."""
    names: dict[Part | None, set[str]] = {}
    for file in files:
        if not file.reason:
            names.setdefault(file.part, set()).add(file.class_name)
    classes = _unite_classes(names, [])
    return _assemble(root, classes, tuple(part for part in names if part is not None), files, notes)


def _assemble(
    root: Path,
    classes: tuple[str, ...],
    parts: tuple[Part, ...],
    labelled: Sequence[LabelledFile],
    notes: Sequence[str],
) -> PhotoFolder:
    """Sort the files into photos and left out files."""
    label_of_class = {name: label for label, name in enumerate(classes)}
    files: list[PhotoFile] = []
    left_out: list[LeftOut] = []
    for file in labelled:
        # A name that is not UTF-8 contains surrogates, which no JSON file can contain.
        printable = os.fsencode(file.path).decode("utf-8", "backslashreplace")
        reason = file.reason if printable == file.path else "file name is not UTF-8: rename it"
        if reason:
            left_out.append(LeftOut(path=printable, reason=reason))
        else:
            files.append(PhotoFile(file.path, label_of_class[file.class_name], file.part))
    # By folder, then by name: "a/b" is before "a-c", unlike in the order of strings.
    files.sort(key=lambda file: PurePosixPath(file.path).parts)
    if not files:
        message, hint = wrong_photos.explain_no_photos([file.path for file in left_out], SUFFIXES)
        raise DataError(message, hint=hint, left_out=[(file.path, file.reason) for file in left_out])
    detection = wrong_photos.explain_detection(classes, {classes[file.label] for file in files})
    if detection:
        _refuse(f"the folders {' and '.join(classes)} are no class folders", detection)
    return PhotoFolder(root, classes, parts, tuple(files), tuple(left_out), tuple(notes))


def _check_not_flat(layout: Layout, hidden: Sequence[LabelledFile]) -> None:
    """Refuse a folder without class folders, with a hint if file names contain classes."""
    for holder in layout.holders.values():
        if layout.list_classes(holder):
            continue
        if hidden:
            listed = ", ".join(folder.path for folder in hidden)
            _refuse(f"the names of all class folders begin with a dot ({listed})", "rename them")
        photos = [name for name in holder.files if is_photo_name(name)]
        where = f"{holder.path}: " if holder.path else ""
        if photos:
            count = f"{len(photos)} photo{'s' * (len(photos) > 1)}"
            paths = [f"{holder.path}/{name}" if holder.path else name for name in photos]
            raise DataError(
                f"{where}the folder has {count} and no class folders",
                where=[*paths[:_MOST_NAMED], *(["…"] if len(paths) > _MOST_NAMED else [])],
                hint=_suggest_labels(photos),
                left_out=[(path, "not in a class folder") for path in paths],
            )
        if not holder.files:
            _refuse(f"{where}the folder is empty", wrong_photos.LAYOUTS)
        message, hint = wrong_photos.explain_no_photos(holder.files, SUFFIXES)
        _refuse(f"{where}{message}", f"{hint}; then {wrong_photos.LAYOUTS}")


def _suggest_labels(photos: Sequence[str]) -> str:
    """Return the hint for photos without class folders."""
    labels = file_names.count_labels(photos)
    if not labels:
        return wrong_photos.LAYOUTS
    counts = ", ".join(f"{label} {count}" for label, count in labels.most_common(6))
    return f"file names look like classes ({counts}): --label-from name takes them"


def _unite_classes(names: dict[Part | None, set[str]], hidden: Sequence[LabelledFile]) -> tuple[str, ...]:
    """Check the class names of all parts, which must be the same, and sort them."""
    classes = set().union(*names.values())
    missing = [f"{part}: no {name}" for part, present in names.items() for name in sorted(classes - present)]
    if missing:
        folded = Counter(name.casefold() for name in classes)
        alike = sorted(name for name in classes if folded[name.casefold()] > 1)
        hint = (
            f"{' and '.join(alike)} differ in case only: rename one"
            if alike
            else "add the missing folders or rename them"
        )
        raise DataError("the parts have different classes", where=missing, hint=hint)
    # labels.txt has one class on each line.
    broken = [name for name in sorted(classes) if name.splitlines() != [name]]
    if broken:
        _refuse(f"the class {broken[0]!r} cannot be written on one line", "rename its folder")
    not_utf8 = [name for name in classes if os.fsencode(name).decode("utf-8", "replace") != name]
    if not_utf8:
        _refuse(f"{len(not_utf8)} class folders have names that are not UTF-8", "rename them")
    if len(classes) < 2:
        problem = f"the folder has only one class ({classes.copy().pop()})" if classes else "no class folder"
        raise DataError(
            problem,
            where=[f"{folder.path}: {folder.reason}" for folder in hidden],
            hint="a classifier needs two classes or more: add a folder, for example of other things",
        )
    return tuple(sorted(classes))


def _count_ignored(tree: FolderTree) -> list[str]:
    count = tree.ignored
    return (
        [f"{count} hidden files, or files and folders of operating systems and programs, are ignored"] if count else []
    )


def _refuse(message: str, hint: str, *places: Path) -> NoReturn:
    raise DataError(message, where=places, hint=hint)
