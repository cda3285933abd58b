"""In: a folder of photos. Out: which files are photos of what, in an order that is the same on every machine.

Two layouts: PHOTOS/<class>/... and the already split PHOTOS/{train,val|valid|validation,test}/<class>/...
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from edgetl.core.errors import DataError
from edgetl.core.records import LeftOut, Part

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
RAW = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"})
CONVERT = RAW | {".heic", ".heif", ".hif", ".avif", ".jxl"}
PARTS: dict[str, Part] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_LAYOUTS = "make one folder per class: PHOTOS/<class>/*.jpg, or PHOTOS/{train,val,test}/<class>/*.jpg"


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One file that should be a photo: posix path from the root, index of its class, the part it was given, if any."""

    path: str
    label: int
    part: Part | None


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """What a folder of photos holds; `given` are the parts it is already split into, `left_out` is what is no photo."""

    root: Path
    classes: tuple[str, ...]
    given: tuple[Part, ...]
    files: tuple[PhotoFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, in order."""
        return tuple(file.path for file in self.files)


def scan_photos(root: Path) -> PhotoFolder:
    """Walk a folder of photos without opening any of them.

    Hidden files and folders are skipped, links are followed but never in a circle, and files are told by extension:
    what is no photo is left out with its extension as the reason, so that a caller can count.

    Raises:
        DataError: no folder, nothing in it, no class folders, one class only, or parts that do not agree.
    """
    root = root.absolute()
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        _refuse(f"the photos' folder {what}", root, _LAYOUTS)
    top = [Path(entry.path) for entry in _listed(root)]
    folders = [path for path in top if path.is_dir()]
    if not folders:
        photos = sum(path.suffix.lower() in SUFFIXES for path in top)
        _refuse(
            f"{photos} photos lie in the folder without a class" if photos else "the folder is empty", root, _LAYOUTS
        )
    parts = _parts(root, folders)
    names = {part: _class_names(folder) for part, folder in parts.items()} if parts else {None: _class_names(root)}
    classes = _agreed(root, names)
    label = {name: index for index, name in enumerate(classes)}
    files: list[PhotoFile] = []
    left_out: list[LeftOut] = []
    for path in _files(root, (_identity(root),)):
        relative = path.relative_to(root)
        shown = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
        part = PARTS[relative.parts[0].lower()] if parts and len(relative.parts) > 1 else None
        inside = relative.parts[1:] if part else relative.parts
        reason = _no_photo(path) if shown == relative.as_posix() else "file name is not UTF-8: rename it"
        if not reason and len(inside) < 2:
            reason = "not in a class folder"
        if reason:
            left_out.append(LeftOut(path=shown, reason=reason))
        else:
            files.append(PhotoFile(relative.as_posix(), label[inside[0]], part))
    files.sort(key=lambda file: PurePosixPath(file.path).parts)
    if not files:
        _refuse("no photo in any class folder", root, f"photos are {' '.join(sorted(SUFFIXES))}")
    return PhotoFolder(root, classes, tuple(parts), tuple(files), tuple(left_out))


def _parts(root: Path, folders: list[Path]) -> dict[Part, Path]:
    """The folders of an already split layout, by part; empty where there is one folder per class."""
    split = [folder for folder in folders if folder.name.lower() in PARTS]
    if not split:
        return {}
    names = ", ".join(folder.name for folder in split)
    if len(split) < len(folders):
        others = ", ".join(folder.name for folder in folders if folder not in split)
        _refuse(f"parts ({names}) and classes ({others}) lie side by side", root, _LAYOUTS)
    parts: dict[Part, Path] = {}
    for folder in split:
        part = PARTS[folder.name.lower()]
        if part in parts:
            _refuse(f"{parts[part].name} and {folder.name} are the same part", root, "keep one of them")
        parts[part] = folder
    if "train" not in parts:
        _refuse(f"there is {names} but no train", root, _LAYOUTS)
    return parts


def _class_names(folder: Path) -> set[str]:
    return {entry.name for entry in _listed(folder) if _is_folder(entry)}


def _agreed(root: Path, names: dict[Part, set[str]] | dict[None, set[str]]) -> tuple[str, ...]:
    """The classes, sorted; every part has them all."""
    every = set().union(*names.values())
    gaps = [f"{part}: no {name}" for part, held in names.items() for name in sorted(every - held)]
    if gaps:
        raise DataError("the parts do not hold the same classes", where=[root, *gaps], hint="add or rename the folders")
    broken = [name for name in sorted(every) if name.splitlines() != [name]]
    if broken:
        _refuse(f"the class {broken[0]!r} cannot be written on one line", root, "rename its folder")
    strange = [name for name in every if os.fsencode(name).decode("utf-8", "replace") != name]
    if strange:
        _refuse(f"{len(strange)} class folders have names that are not UTF-8", root, "rename them")
    if len(every) < 2:
        found = f"one class only ({every.copy().pop()})" if every else "no class folder"
        _refuse(found, root, "a classifier needs two classes or more: add a folder, for example of other things")
    return tuple(sorted(every))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _files(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Every file below; a folder that is one of those above it, reached through a link, is not entered again."""
    for entry in _listed(folder):
        path = Path(entry.path)
        if not _is_folder(entry):
            yield path
        elif (identity := _identity(path)) not in above:
            yield from _files(path, (*above, identity))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link to itself. As a file it is left out, with its reason.
        return False


def _identity(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def _no_photo(path: Path) -> str:
    """Why a file cannot be a photo, as far as its name and kind tell; "" where it may be one."""
    suffix = path.suffix.lower()
    if suffix in CONVERT:
        return f"{suffix}: convert to JPEG"
    if suffix not in SUFFIXES:
        return f"{suffix or 'no extension'}: not a photo"
    if not path.is_file():
        return "not a regular file" if path.exists() else "broken link"
    return ""


def _refuse(message: str, root: Path, hint: str) -> NoReturn:
    raise DataError(message, where=[root], hint=hint)
