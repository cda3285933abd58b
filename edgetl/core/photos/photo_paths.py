"""Photos and folders that a user names → the photo files in them, and the class that is the name of a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.photos.layout.names import SUFFIXES


@dataclass(frozen=True, slots=True)
class PhotoPath:
    """A photo file: its path, and the names of its folders from the nearest up to the folder that the user named."""

    path: Path
    folders: tuple[str, ...]

    def find_class(self, classes: Sequence[str]) -> str:
        """Return the class whose name is that of the nearest folder; "" where no folder has the name of a class."""
        return next((folder for folder in self.folders if folder in classes), "")


def list_photo_paths(paths: Sequence[Path]) -> tuple[PhotoPath, ...]:
    """List the photo files among paths; those of a folder are sorted, and hidden ones are left out.

    What is no folder is listed as it is, also where it is missing: reading it fails, and so it is reported.
    """
    photos: list[PhotoPath] = []
    for path in paths:
        if path.is_dir():
            photos += [PhotoPath(file, _list_folders(file, path)) for file in _walk(path)]
        else:
            photos.append(PhotoPath(path, (path.absolute().parent.name,)))
    return tuple(photos)


def _walk(folder: Path) -> list[Path]:
    # Links to folders are not followed, so that the walk ends.
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not _is_hidden(path.relative_to(folder))
    )


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _list_folders(path: Path, root: Path) -> tuple[str, ...]:
    inside = path.relative_to(root).parent.parts
    return (*reversed(inside), root.resolve().name)
