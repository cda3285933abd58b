"""Folder of photos → its classes and photo files, in an order that is the same on every machine.

Two layouts: PHOTOS/<class>/..., and PHOTOS/{train,val|valid|validation,test}/<class>/... with preset parts.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from edgetl.core.errors import DataError
from edgetl.core.photos import wrong_photos
from edgetl.core.photos.wrong_photos import LAYOUTS
from edgetl.core.records import LeftOut, Part

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"})
# Photos in formats that Pillow cannot decode by itself.
UNSUPPORTED_SUFFIXES = RAW_SUFFIXES | {".heic", ".heif", ".hif", ".avif", ".jxl"}
PART_FOLDERS: dict[str, Part] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo file, not opened yet: posix path from the root, class index, and preset part if there is one."""

    path: str
    label: int
    part: Part | None


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """Content of a folder of photos.

    Attributes:
        root: the folder, absolute.
        classes: class names, sorted.
        preset_parts: parts that the folder is already split into; empty for one folder per class.
        files: photo files, sorted by path.
        left_out: all other files, and class folders whose names begin with a dot.
    """

    root: Path
    classes: tuple[str, ...]
    preset_parts: tuple[Part, ...]
    files: tuple[PhotoFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, in order."""
        return tuple(file.path for file in self.files)


def scan_photos(root: Path) -> PhotoFolder:
    """Scan a folder of photos without opening any file.

    Hidden files and folders are skipped. A hidden folder with photos beside the class folders is left out with a
    reason: it may have been meant as a class. Links are followed, but no folder is entered from inside itself. A file
    whose extension is not that of a photo is left out with the extension as reason, so that a caller can count them.

    Raises:
        DataError: no folder, an empty one, no class folders, a single class, or parts with different classes.
    """
    root = root.absolute()
    if not root.is_dir():
        message, hint = wrong_photos.explain_path(root, SUFFIXES)
        _refuse(message, root, hint)
    entries = [Path(entry.path) for entry in _list_entries(root)]
    folders = [path for path in entries if path.is_dir()]
    hidden = list(_list_hidden_classes(root, root))
    if not folders and hidden:
        listed = ", ".join(folder.path for folder in hidden)
        _refuse(f"the names of all class folders begin with a dot ({listed})", root, "rename them")
    if not folders:
        photos = sum(path.suffix.lower() in SUFFIXES for path in entries)
        if photos or not entries:
            problem = (
                f"the folder has {photos} photo{'s' * (photos > 1)} and no class folders"
                if photos
                else "the folder is empty"
            )
            _refuse(problem, root, LAYOUTS)
        message, hint = wrong_photos.explain_no_photos([path.name for path in entries], SUFFIXES)
        _refuse(message, root, f"{hint}; then {LAYOUTS}")
    parts = _find_parts(root, folders)
    names = {part: _list_classes(folder) for part, folder in parts.items()} if parts else {None: _list_classes(root)}
    hidden += [left_out for folder in parts.values() for left_out in _list_hidden_classes(folder, root)]
    classes = _unite_classes(root, names, hidden)
    label_of_class = {name: label for label, name in enumerate(classes)}
    files: list[PhotoFile] = []
    left_out: list[LeftOut] = hidden
    for path in _walk(root, (_identify(root),)):
        relative = path.relative_to(root)
        printable = _make_printable(relative)
        part = PART_FOLDERS[relative.parts[0].lower()] if parts and len(relative.parts) > 1 else None
        inside = relative.parts[1:] if part else relative.parts
        reason = _explain_no_photo(path) if printable == relative.as_posix() else "file name is not UTF-8: rename it"
        if not reason and len(inside) < 2:
            reason = "not in a class folder"
        if reason:
            left_out.append(LeftOut(path=printable, reason=reason))
        else:
            files.append(PhotoFile(relative.as_posix(), label_of_class[inside[0]], part))
    # By folder, then by name: "a/b" is before "a-c", unlike in the order of strings.
    files.sort(key=lambda file: PurePosixPath(file.path).parts)
    if not files:
        message, hint = wrong_photos.explain_no_photos([file.path for file in left_out], SUFFIXES)
        _refuse(message, root, hint)
    detection = wrong_photos.explain_detection(classes, {classes[file.label] for file in files})
    if detection:
        _refuse(f"the folders {' and '.join(classes)} are no class folders", root, detection)
    return PhotoFolder(root, classes, tuple(parts), tuple(files), tuple(left_out))


def _find_parts(root: Path, folders: list[Path]) -> dict[Part, Path]:
    """Map the preset parts to their folders; empty for one folder per class."""
    part_folders = [folder for folder in folders if folder.name.lower() in PART_FOLDERS]
    if not part_folders:
        return {}
    names = ", ".join(folder.name for folder in part_folders)
    if len(part_folders) < len(folders):
        classes = ", ".join(folder.name for folder in folders if folder not in part_folders)
        _refuse(f"the folder has both parts ({names}) and classes ({classes})", root, LAYOUTS)
    parts: dict[Part, Path] = {}
    for folder in part_folders:
        part = PART_FOLDERS[folder.name.lower()]
        if part in parts:
            _refuse(f"{parts[part].name} and {folder.name} are the same part", root, "keep only one of these folders")
        parts[part] = folder
    if "train" not in parts:
        _refuse(f"the folder has {names} and no train", root, LAYOUTS)
    return parts


def _list_classes(folder: Path) -> set[str]:
    return {entry.name for entry in _list_entries(folder) if _is_folder(entry)}


def _list_hidden_classes(folder: Path, root: Path) -> Iterator[LeftOut]:
    """Yield the folders with photos whose names begin with a dot, among the class folders."""
    for path in sorted(folder.glob(".*/")):
        if path.is_dir() and _has_photos(path):
            reason = "the name begins with a dot: rename the folder to use it as a class"
            yield LeftOut(path=f"{_make_printable(path.relative_to(root))}/", reason=reason)


def _has_photos(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
    except OSError:  # A hidden folder of the system or of another user, such as a waste basket.
        return False


def _make_printable(path: Path) -> str:
    """Return a posix path. A name that is not UTF-8 contains surrogates, which no JSON file can contain."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _unite_classes(
    root: Path, names: dict[Part, set[str]] | dict[None, set[str]], hidden: list[LeftOut]
) -> tuple[str, ...]:
    """Check the class names of all parts, which must be the same, and sort them."""
    classes = set().union(*names.values())
    missing = [f"{part}: no {name}" for part, present in names.items() for name in sorted(classes - present)]
    if missing:
        raise DataError(
            "the parts have different classes", where=[root, *missing], hint="add the missing folders or rename them"
        )
    # labels.txt has one class on each line.
    broken = [name for name in sorted(classes) if name.splitlines() != [name]]
    if broken:
        _refuse(f"the class {broken[0]!r} cannot be written on one line", root, "rename its folder")
    not_utf8 = [name for name in classes if os.fsencode(name).decode("utf-8", "replace") != name]
    if not_utf8:
        _refuse(f"{len(not_utf8)} class folders have names that are not UTF-8", root, "rename them")
    if len(classes) < 2:
        problem = f"the folder has only one class ({classes.copy().pop()})" if classes else "no class folder"
        raise DataError(
            problem,
            where=[root, *(f"{folder.path}: {folder.reason}" for folder in hidden)],
            hint="a classifier needs two classes or more: add a folder, for example of other things",
        )
    return tuple(sorted(classes))


def _list_entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _walk(folder: Path, ancestors: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Yield every file below a folder. A link to one of its ancestors is not followed: that would never end."""
    for entry in _list_entries(folder):
        path = Path(entry.path)
        if not _is_folder(entry):
            yield path
        elif (identity := _identify(path)) not in ancestors:
            yield from _walk(path, (*ancestors, identity))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link to itself; as a file it is left out as a broken link.
        return False


def _identify(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def _explain_no_photo(path: Path) -> str:
    """Return why a file cannot be a photo, judged by its name and type; "" if it may be a photo."""
    suffix = path.suffix.lower()
    if suffix in UNSUPPORTED_SUFFIXES:
        return f"{suffix}: convert to JPEG"
    if suffix not in SUFFIXES:
        return f"{suffix or 'no extension'}: not a photo"
    if not path.is_file():
        return "not a regular file" if path.exists() else "broken link"
    return ""


def _refuse(message: str, root: Path, hint: str) -> NoReturn:
    raise DataError(message, where=[root], hint=hint)
