"""A folder on the disk → a tree of names, read once. Everything that decides about layouts works on this tree."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.photos.layout.names import is_photo_name, is_system_name, normalize_name


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with all that is below it.

    Attributes:
        path: posix path from the root, as on the disk; "" for the root itself.
        folders: folders in it, sorted by name; a link to a folder is one.
        files: names of the files in it, sorted.
        hidden: names of the hidden folders in it, which are not entered.
    """

    path: str
    folders: tuple["Folder", ...] = ()
    files: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in Unicode NFC."""
        return normalize_name(self.path.rpartition("/")[2])

    @property
    def has_photos(self) -> bool:
        """Whether photos are directly in it."""
        return any(map(is_photo_name, self.files))

    def walk(self) -> Iterator["Folder"]:
        """Yield this folder and all folders below it."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def count_photos(self) -> int:
        """Return the number of files, here and below, that have the extension of a photo."""
        return sum(is_photo_name(name) for folder in self.walk() for name in folder.files)


@dataclass(frozen=True, slots=True)
class FolderTree:
    """The tree below a root, and how many hidden files, and files and folders of operating systems, it leaves out."""

    root: Folder
    ignored: int


def read_tree(root: Path) -> FolderTree:
    """Read the names below a folder. Hidden files are skipped.

    Links are followed, but no folder is entered from inside itself: that would never end.
    """
    reader = _TreeReader(root)
    return FolderTree(reader.read("", (_identify(root),)), reader.ignored)


class _TreeReader:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.ignored = 0

    def read(self, path: str, ancestors: tuple[tuple[int, int], ...]) -> Folder:
        folders, files, hidden = [], [], []
        with os.scandir(self._root / path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                below = f"{path}/{entry.name}" if path else entry.name
                if is_system_name(entry.name):
                    self.ignored += 1
                elif not _is_folder(entry):
                    hidden_file = entry.name.startswith(".")
                    self.ignored += hidden_file
                    files += [] if hidden_file else [entry.name]
                elif entry.name.startswith("."):
                    hidden.append(entry.name)
                elif (identity := _identify(self._root / below)) not in ancestors:
                    folders.append(self.read(below, (*ancestors, identity)))
        return Folder(path, tuple(folders), tuple(files), tuple(hidden))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link to itself; as a file it is left out as a broken link.
        return False


def _identify(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino
