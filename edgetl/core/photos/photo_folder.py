"""A folder or a list of photos → its classes and photo files, in an order that is the same on every machine.

Layouts: PHOTOS/<class>/..., PHOTOS/{train,val,test}/<class>/... with preset parts, a CSV file with paths and labels, or
the class in the name of each file. `layout.folders` decides about folders.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, NoReturn

from edgetl.core.errors import DataError
from edgetl.core.photos import wrong_photos
from edgetl.core.photos.layout import file_names
from edgetl.core.photos.layout.class_names import check_class_names, unite_class_names
from edgetl.core.photos.layout.folders import Layout, LayoutChoice, find_layout
from edgetl.core.photos.layout.label_lists import (
    LabelSeparator,
    find_rarest_labels,
    mark_labels,
    read_label_list,
)
from edgetl.core.photos.layout.labelled_files import (
    LabelledFile,
    collect_from_folders,
    collect_from_lists,
    collect_from_names,
    collect_unlisted,
    find_lists,
)
from edgetl.core.photos.layout.names import SUFFIXES, is_photo_name
from edgetl.core.photos.layout.tree import Folder, FolderTree, read_tree
from edgetl.core.records import LeftOut, Part

LabelSource = Literal["folder", "name"]

# Files that an error names; the others are in its list.
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo file, not opened yet: posix path from the root, class index, preset part if there is one, and group.

    Where a photo may have several labels, `labels` has 1 or 0 for each of them, as in `records.Photo`.
    """

    path: str
    label: int
    part: Part | None
    group: str = ""
    labels: tuple[int, ...] = ()

    def list_classes(self) -> tuple[int, ...]:
        """Return the index of the class, or of each label that the photo has."""
        return tuple(index for index, value in enumerate(self.labels) if value) if self.labels else (self.label,)


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
        multi_label: whether a photo may have several of the classes, as labels.
        states_all_labels: whether a list states for each label whether a photo has it, as columns of 0 and 1 do.
    """

    root: Path
    classes: tuple[str, ...]
    preset_parts: tuple[Part, ...]
    files: tuple[PhotoFile, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    multi_label: bool = False
    states_all_labels: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, in order."""
        return tuple(file.path for file in self.files)


def scan_photos(
    path: Path,
    *,
    layout: LayoutChoice = "auto",
    label_from: LabelSource = "folder",
    multi_label: bool = False,
    label_separator: LabelSeparator = "auto",
) -> PhotoFolder:
    """Scan a folder of photos, or read a list of photos, without opening any photo.

    Links are followed, but no folder is entered from inside itself. A file whose extension is not that of a photo is
    left out with the extension as reason, so that a caller can count them.

    Args:
        path: a folder, or a CSV file with columns for path and label.
        layout: whether the folders of the first level are classes or parts; "auto" decides by their names.
        label_from: whether the class of a photo is the name of its folder or in the name of the file.
        multi_label: whether a photo may have several labels: in a list, or as copies in several class folders.
        label_separator: what separates the labels of a photo in a list.

    Raises:
        DataError: no folder, an empty one, no classes, a single class, parts with different classes, or a folder that
            can be read in two ways.
    """
    path = path.absolute()
    read = partial(_read_label_lists, separator=label_separator) if multi_label else _read_lists
    if path.is_file() and path.suffix.lower() == ".csv":
        return read(path.parent, [path], [])
    if not path.is_dir():
        message, hint = wrong_photos.explain_path(path, SUFFIXES)
        _refuse(message, hint, path)
    tree = read_tree(path)
    try:
        if label_from == "name":
            if multi_label:
                _refuse("a file name has one class, and --multi-label is for several", "leave out one of them")
            named = find_layout(tree.root, layout, class_folders=False)
            return _read_files(path, list(collect_from_names(path, named)), [*named.notes, *_count_ignored(tree)])
        lists = find_lists(path, tree.root, multi_label=multi_label) if layout == "auto" else ()
        if lists:
            note = f"labels are from {', '.join(file.relative_to(path).as_posix() for file in lists)}"
            return read(path, lists, [note, *_count_ignored(tree)], tree.root)
        folder = _read_folders(path, tree, find_layout(tree.root, layout))
        return _allow_several_labels(folder) if multi_label else folder
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
    classes = unite_class_names(names, hidden)
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


def _allow_several_labels(folder: PhotoFolder) -> PhotoFolder:
    """Return a folder whose class folders are labels: copies of a photo in several of them have all these labels."""
    count = len(folder.classes)
    files = (replace(file, labels=mark_labels([file.label], count)) for file in folder.files)
    return replace(folder, files=tuple(files), multi_label=True)


def _read_lists(root: Path, lists: Sequence[Path], notes: Sequence[str], tree: Folder | None = None) -> PhotoFolder:
    files = collect_from_lists(root, lists)
    return _read_files(root, [*files, *(collect_unlisted(tree, files) if tree else ())], notes)


def _read_label_lists(
    root: Path, lists: Sequence[Path], notes: Sequence[str], tree: Folder | None = None, *, separator: LabelSeparator
) -> PhotoFolder:
    """Read lists whose photos may have several labels. A part may lack photos with a label."""
    read = {file: read_label_list(file, separator) for file in lists}
    columns = {frozenset(content.names) for content in read.values()}
    if len(columns) > 1:
        different = ", ".join(sorted(frozenset.union(*columns) - frozenset.intersection(*columns))[:10])
        raise DataError("the lists have different columns of labels", where=lists, hint=f"not in all: {different}")
    files = collect_from_lists(root, lists, lambda file: read[file].photos)
    files += collect_unlisted(tree, files) if tree else ()
    used = {label for file in files if not file.reason for label in file.labels}
    classes = check_class_names(used.union(*columns), [])
    notes = [*notes, *(note for content in read.values() for note in content.notes)]
    plain = [replace(file, class_name=classes[0]) for file in files]
    folder = _assemble(root, classes, _list_parts(files), plain, notes)
    place = {name: label for label, name in enumerate(classes)}
    labels_of = {file.path: mark_labels({place[name] for name in file.labels}, len(classes)) for file in files}
    rows = [labels_of[file.path] for file in folder.files]
    marked = zip(folder.files, rows, find_rarest_labels(rows), strict=True)
    return replace(
        folder,
        files=tuple(replace(file, labels=row, label=label) for file, row, label in marked),
        multi_label=True,
        states_all_labels=columns != {frozenset()},
    )


def _list_parts(files: Sequence[LabelledFile]) -> tuple[Part, ...]:
    return tuple(dict.fromkeys(file.part for file in files if not file.reason and file.part is not None))


def _read_files(root: Path, files: Sequence[LabelledFile], notes: Sequence[str]) -> PhotoFolder:
    """Read files that have their classes already. Parts without a usable photo do not count."""
    names: dict[Part | None, set[str]] = {}
    for file in files:
        if not file.reason:
            names.setdefault(file.part, set()).add(file.class_name)
    classes = unite_class_names(names, [])
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


def _count_ignored(tree: FolderTree) -> list[str]:
    count = tree.ignored
    return (
        [f"{count} hidden files, or files and folders of operating systems and programs, are ignored"] if count else []
    )


def _refuse(message: str, hint: str, *places: Path) -> NoReturn:
    raise DataError(message, where=places, hint=hint)
