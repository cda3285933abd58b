"""Folder of photos → its classes and photo files, in an order that is the same on every machine.

Two layouts: PHOTOS/<class>/..., and PHOTOS/{train,val|valid|validation,test}/<class>/... with preset parts.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from edgetl.core.errors import DataError
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
_LAYOUTS = "make one folder per class: PHOTOS/<class>/*.jpg, or PHOTOS/{train,val,test}/<class>/*.jpg"


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
        left_out: all other files.
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

    Hidden files and folders are skipped. Links are followed, but no folder is entered from inside itself. A file whose
    extension is not that of a photo is left out with the extension as reason, so that a caller can count them.

    Raises:
        DataError: no folder, an empty one, no class folders, a single class, or parts with different classes.
    """
    root = root.absolute()
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "does not exist"
        _refuse(f"the folder of photos {problem}", root, _LAYOUTS)
    entries = [Path(entry.path) for entry in _list_entries(root)]
    folders = [path for path in entries if path.is_dir()]
    if not folders:
        photos = sum(path.suffix.lower() in SUFFIXES for path in entries)
        _refuse(
            f"the folder has {photos} photos and no class folders" if photos else "the folder is empty", root, _LAYOUTS
        )
    parts = _find_parts(root, folders)
    names = {part: _list_classes(folder) for part, folder in parts.items()} if parts else {None: _list_classes(root)}
    classes = _unite_classes(root, names)
    label_of_class = {name: label for label, name in enumerate(classes)}
    files: list[PhotoFile] = []
    left_out: list[LeftOut] = []
    for path in _walk(root, (_identify(root),)):
        relative = path.relative_to(root)
        # A name that is not UTF-8 contains surrogates, which no JSON file can contain.
        printable = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
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
        _refuse("no photo in any class folder", root, f"photos are {' '.join(sorted(SUFFIXES))}")
    return PhotoFolder(root, classes, tuple(parts), tuple(files), tuple(left_out))


def _find_parts(root: Path, folders: list[Path]) -> dict[Part, Path]:
    """Map the preset parts to their folders; empty for one folder per class."""
    part_folders = [folder for folder in folders if folder.name.lower() in PART_FOLDERS]
    if not part_folders:
        return {}
    names = ", ".join(folder.name for folder in part_folders)
    if len(part_folders) < len(folders):
        classes = ", ".join(folder.name for folder in folders if folder not in part_folders)
        _refuse(f"the folder has both parts ({names}) and classes ({classes})", root, _LAYOUTS)
    parts: dict[Part, Path] = {}
    for folder in part_folders:
        part = PART_FOLDERS[folder.name.lower()]
        if part in parts:
            _refuse(f"{parts[part].name} and {folder.name} are the same part", root, "keep only one of these folders")
        parts[part] = folder
    if "train" not in parts:
        _refuse(f"the folder has {names} and no train", root, _LAYOUTS)
    return parts


def _list_classes(folder: Path) -> set[str]:
    return {entry.name for entry in _list_entries(folder) if _is_folder(entry)}


def _unite_classes(root: Path, names: dict[Part, set[str]] | dict[None, set[str]]) -> tuple[str, ...]:
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
        _refuse(problem, root, "a classifier needs two classes or more: add a folder, for example of other things")
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
