"""A folder with photos of other things, in any layout → the usable ones among them, which are none of the user's own.

They show how often a file rejects what it was not trained on. Nothing is fitted to them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from edgetl.core.errors import DataError
from edgetl.core.photos import near_duplicates, wrong_photos
from edgetl.core.photos.dataset import UNUSABLE_LIMIT
from edgetl.core.photos.layout.names import SUFFIXES, is_photo_name
from edgetl.core.photos.layout.tree import read_tree
from edgetl.core.photos.near_duplicates import Thumbnails
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, LeftOut, Part, Photo

# An error lists so many reasons.
_MOST_CAUSES = 5
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPhotos:
    """Photos of other things.

    Attributes:
        sha256s: of the usable photos, sorted, so that names and folders do not matter.
        left_out: the files that are not used, with the reasons.
    """

    sha256s: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def check_foreign_folder(root: Path) -> None:
    """Check that the folder exists.

    Raises:
        DataError: it does not, or it is a file.
    """
    if root.is_dir():
        return
    if root.exists():
        hint = "put the photos into a folder, of any layout, and give that"
        raise DataError("--foreign is a file, not a folder of photos", where=(root,), hint=hint)
    names = [path.name for path in root.absolute().parent.glob("*") if path.is_dir()]
    similar = get_close_matches(root.name, names, n=1)
    hint = f"did you mean {root.with_name(similar[0])}?" if similar else "give a folder with photos of other things"
    raise DataError("the folder of --foreign does not exist", where=(root,), hint=hint)


def list_foreign_files(root: Path) -> tuple[tuple[str, ...], tuple[LeftOut, ...]]:
    """List the photo files in a folder and all folders below it, posix, and the other files with the reason.

    Hidden files and folders, and those of operating systems, are skipped, as among the user's own photos.

    Raises:
        DataError: no folder, or no photo in it.
    """
    check_foreign_folder(root)
    names = [
        f"{folder.path}/{name}".removeprefix("/") for folder in read_tree(root).root.walk() for name in folder.files
    ]
    paths = tuple(sorted(name for name in names if is_photo_name(name) and _is_utf8(name)))
    if not paths:
        message, _ = wrong_photos.explain_no_photos(names, SUFFIXES)
        hint = f"photos are {' '.join(sorted(SUFFIXES))}; unpack archives first"
        raise DataError(f"--foreign: {message}", where=(root,), hint=hint)
    left_out = [
        LeftOut(path=ascii(name), reason="file name is not UTF-8: rename it")
        if not _is_utf8(name)
        else LeftOut(path=name, reason=f"not the extension of a photo: {Path(name).suffix or 'none'}")
        for name in sorted(names)
        if name not in paths
    ]
    return paths, tuple(left_out)


def list_own_photos(dataset: Dataset) -> list[Photo]:
    """List the user's own photos: training, validation, test."""
    return [photo for part in _PARTS for photo in dataset.part(part)]


def select_foreign_photos(
    root: Path, facts: Sequence[PhotoFacts], dataset: Dataset, thumbnails: Thumbnails
) -> ForeignPhotos:
    """Select the photos that can be used, and that are none of the user's own.

    Args:
        root: the folder.
        facts: of each photo file in it.
        dataset: the user's own photos. One of them, or a near duplicate of one, is no evidence about other things.
        thumbnails: uint8 [own photos, 243], in the order of `list_own_photos`; [0, 243] to compare copies only.

    Raises:
        DataError: more than 5 % of the files cannot be read, or no photo is left.
    """
    photos = list_own_photos(dataset)
    own = {photo.sha256 for photo in photos}
    reasons: dict[str, str] = {}
    paths: dict[str, str] = {}
    for content in facts:
        if content.problem:
            reasons[content.path] = content.problem
        elif content.sha256 in own:
            reasons[content.path] = "also among your own photos"
        elif content.sha256 in paths:
            reasons[content.path] = f"same photo as {paths[content.sha256]}"
        else:
            paths[content.sha256] = content.path
    distinct = [content for content in facts if paths.get(content.sha256) == content.path]
    for content, photo in _find_similar_photos(distinct, photos, thumbnails):
        del paths[content.sha256]
        reasons[content.path] = f"near duplicate of your own {photo.path}"
    problems = Counter(content.problem for content in facts if content.problem)
    left_out = tuple(LeftOut(path=path, reason=reason) for path, reason in reasons.items())
    rows = [(file.path, file.reason) for file in left_out]
    if problems.total() > UNUSABLE_LIMIT * len(facts):
        causes = "; ".join(f"{count} {problem}" for problem, count in problems.most_common(_MOST_CAUSES))
        raise DataError(
            f"--foreign: {problems.total()} of {len(facts)} photos are unusable ({causes})",
            where=(root,),
            hint="repair, replace or delete the unusable files",
            left_out=rows,
        )
    if not paths:
        raise DataError(
            f"--foreign: all {len(facts)} photos are among your own photos, too, or are near duplicates of them",
            where=(root,),
            hint="give photos of things that are none of your classes",
            left_out=rows,
        )
    return ForeignPhotos(sha256s=tuple(sorted(paths)), left_out=left_out)


def _find_similar_photos(
    facts: Sequence[PhotoFacts], photos: Sequence[Photo], thumbnails: Thumbnails
) -> list[tuple[PhotoFacts, Photo]]:
    """Return each photo that has a near duplicate among the user's own, with one of them."""
    rows = np.frombuffer(b"".join(content.thumbnail for content in facts), np.uint8)
    matches = near_duplicates.find_near_duplicates(rows.reshape(-1, near_duplicates.THUMBNAIL_BYTES), thumbnails)
    return [(content, photos[match]) for content, match in zip(facts, matches, strict=True) if match >= 0]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
