"""Files with their classes, from one of three places: class folders, file names, or CSV lists."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edgetl.core.errors import DataError
from edgetl.core.photos.layout import file_names, photo_lists
from edgetl.core.photos.layout.folders import Layout
from edgetl.core.photos.layout.names import RAW_SUFFIXES, SUFFIXES, find_part, is_photo_name, normalize_name
from edgetl.core.photos.layout.photo_lists import ListedPhoto
from edgetl.core.photos.layout.tree import Folder
from edgetl.core.records import Part

_SEVERAL = "listed as"
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file: posix path from the root, class name, part, and why it is left out ("" if it is a photo to use).

    `labels` are the names of its labels where a photo may have several; then a list that has them has no class name.
    """

    path: str
    class_name: str
    part: Part | None
    reason: str = ""
    labels: tuple[str, ...] = ()


def collect_from_folders(root: Path, tree: Folder, layout: Layout) -> Iterator[LabelledFile]:
    """Yield every file of a tree with the class of its class folder."""
    classes = {
        folder.path: (part, folder.name)
        for part, holder in layout.holders.items()
        for folder in layout.list_classes(holder)
    }
    # Folders with the class, part and reason that they inherit. A stack, because folders may be nested deeply.
    stack: list[tuple[Folder, str, Part | None, str]] = [(tree, "", None, "not in a class folder")]
    while stack:
        folder, class_name, part, reason = stack.pop()
        if folder.path in layout.left_out:
            class_name, part, reason = "", None, layout.left_out[folder.path]
        elif folder.path in classes:
            (part, class_name), reason = classes[folder.path], ""
        for path in _list_files(folder):
            yield LabelledFile(path, class_name, part, explain_no_photo(root / path) or reason)
        stack += [(inner, class_name, part, reason) for inner in folder.folders]


def collect_from_names(root: Path, layout: Layout) -> Iterator[LabelledFile]:
    """Yield every file of a layout with the class in its name."""
    for part, holder in layout.holders.items():
        for folder in holder.walk():
            above = [parent.as_posix() for parent in (PurePosixPath(folder.path) / "_").parents]
            reason = next((layout.left_out[path] for path in above if path in layout.left_out), "")
            for path in _list_files(folder):
                label = normalize_name(file_names.find_label(path.rpartition("/")[2]))
                no_label = "" if label else "no class in its name"
                yield LabelledFile(path, label, part, explain_no_photo(root / path) or reason or no_label)


def collect_from_lists(
    root: Path, lists: Sequence[Path], read: Callable[[Path], Sequence[ListedPhoto]] = photo_lists.read_photo_list
) -> list[LabelledFile]:
    """Return the files that CSV lists name. Where every part has a list in its folder, the folder is their part.

    Args:
        root: the folder that paths are relative to.
        lists: the CSV files.
        read: reads one of them. A photo in several lines has the labels of all of them.

    Raises:
        DataError: a list cannot be read, no photo of it can be used, many have several classes, or only some of its
            lines have a part.
    """
    files: dict[str, LabelledFile] = {}
    for list_file in lists:
        base = list_file.parent.relative_to(root)
        folder_part = find_part(base.name) if base.parts else None
        for photo in read(list_file):
            path = (PurePosixPath(base) / photo.path).as_posix()
            reason = _check_listed(root, path, photo)
            file = LabelledFile(path, photo.label, folder_part or photo.part, reason, photo.labels)
            before = files.get(path)
            if before is not None:
                file = _join(before, file)
            files[path] = file
    _check_classes(files.values(), lists[0])
    reasons = Counter(file.reason for file in files.values())
    if not reasons[""]:
        places = [f"{count} photos: {reason}" for reason, count in reasons.most_common()]
        raise DataError(
            "no photo of the list can be used",
            where=[lists[0], *places],
            left_out=[(file.path, file.reason) for file in files.values()],
        )
    parts = {file.part for file in files.values() if not file.reason}
    if len(parts) > 1 and None in parts:
        raise DataError("some lines of the list have a part, and some have none", where=[lists[0]])
    if None not in parts and "train" not in parts:
        raise DataError(f"the list has {', '.join(map(str, parts))} and no train", where=[lists[0]])
    return list(files.values())


def _join(before: LabelledFile, file: LabelledFile) -> LabelledFile:
    """Join two lines about one photo: the labels of both, or a reason where they have two classes."""
    if before.class_name == file.class_name:
        return replace(file, labels=tuple(dict.fromkeys((*before.labels, *file.labels))))
    if before.reason.startswith(_SEVERAL):
        return replace(before, reason=f"{before.reason} and as {file.class_name}")
    return LabelledFile(file.path, "", file.part, f"{_SEVERAL} {before.class_name} and as {file.class_name}")


def _check_classes(files: Collection[LabelledFile], list_file: Path) -> None:
    several = [f"{file.path}: {file.reason}" for file in files if file.reason.startswith(_SEVERAL)]
    if len(several) > photo_lists.SEVERAL_LIMIT * len(files):
        raise DataError(
            f"{len(several)} of {len(files)} photos have several labels in the list",
            where=[list_file, *several[:_MOST_NAMED]],
            hint=photo_lists.SEVERAL_HINT,
        )


def collect_unlisted(tree: Folder, listed: Sequence[LabelledFile]) -> Iterator[LabelledFile]:
    """Yield the photos of a folder that its lists do not name."""
    paths = {normalize_name(file.path) for file in listed}
    for folder in tree.walk():
        for path in _list_files(folder):
            if is_photo_name(path) and normalize_name(path) not in paths:
                yield LabelledFile(path, "", None, "not in the list")


def find_lists(root: Path, tree: Folder, *, multi_label: bool = False) -> tuple[Path, ...]:
    """Find the CSV lists that a folder has instead of class folders.

    Args:
        root: the folder.
        tree: its content.
        multi_label: whether columns may be labels, see `photo_lists.is_photo_list`.

    Raises:
        DataError: several, and it is unclear which one is meant.
    """
    one_hot = [folder for folder in (tree, *tree.folders) if photo_lists.ONE_HOT_NAME in folder.files]
    if one_hot:
        return tuple(root / folder.path / photo_lists.ONE_HOT_NAME for folder in one_hot)
    # Beside class folders, a list is some other table. One folder with all photos is no class folder.
    if sum(bool(folder.count_photos()) for folder in tree.folders) > 1:
        return ()
    files = [root / name for name in tree.files if name.lower().endswith(".csv")]
    lists = tuple(file for file in files if photo_lists.is_photo_list(file, multi_label=multi_label))
    if len(lists) > 1:
        names = [file.name for file in lists]
        raise DataError("the folder has several lists of photos", where=names, hint="give one of them as PHOTOS")
    return lists


def explain_no_photo(path: Path) -> str:
    """Return why a file cannot be a photo, judged by its name and type; "" if it may be a photo."""
    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return f"{suffix}: convert to JPEG"
    if suffix not in SUFFIXES:
        return f"{suffix or 'no extension'}: not a photo"
    if not path.is_file():
        return "not a regular file" if path.exists() else "broken link"
    return ""


def _list_files(folder: Folder) -> list[str]:
    return [f"{folder.path}/{name}" if folder.path else name for name in folder.files]


def _check_listed(root: Path, path: str, photo: ListedPhoto) -> str:
    """Return why a photo of a list cannot be used; "" if it can be."""
    if photo.problem:
        return photo.problem
    # A list from elsewhere must not read files outside its folder.
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        return "outside the folder of the list"
    return explain_no_photo(root / path) if (root / path).exists() else "listed, but does not exist"
