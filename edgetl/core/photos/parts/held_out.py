"""A folder of test photos beside the folder of photos: joined for a dataset, and found again in one."""

import os
from dataclasses import replace
from pathlib import Path

from edgetl.core.errors import DataError
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.records import Dataset, LeftOut, Photo


def join_test_folder(folder: PhotoFolder, test: PhotoFolder) -> PhotoFolder:
    """Join a folder of test photos to a folder of photos, as if it were its preset part "test".

    So no photo of `folder` becomes a test photo, and copies and near duplicates across both folders are treated as
    those across parts are. The paths of the test photos are absolute.

    Raises:
        DataError: one folder is inside the other, either is split into parts that exclude this, or they have different
            classes.
    """
    roots = (folder.root.resolve(), test.root.resolve())
    if roots[0].is_relative_to(roots[1]) or roots[1].is_relative_to(roots[0]):
        raise DataError(
            "the test photos are inside the photos, or the photos inside them",
            where=(folder.root, test.root),
            hint="move the test photos into a folder beside them",
        )
    if test.preset_parts:
        hint = "give the folder of one part, as in --test DIR/test"
        raise DataError("the folder of --test is split into parts", where=(test.root,), hint=hint)
    if "test" in folder.preset_parts:
        hint = "give its train folder as PHOTOS, or leave out --test"
        raise DataError("the photos have a test part of their own", where=(folder.root,), hint=hint)
    _check_classes(folder, test)

    def locate(path: str) -> str:
        return (test.root / path).as_posix()

    files = (replace(file, path=locate(file.path), part="test") for file in test.files)
    left_out = (LeftOut(path=locate(file.path), reason=file.reason) for file in test.left_out)
    return replace(
        folder,
        preset_parts=(*folder.preset_parts, "test"),
        files=(*folder.files, *files),
        left_out=(*folder.left_out, *left_out),
        notes=(*folder.notes, *(note for note in test.notes if note not in folder.notes)),
    )


def find_test_folder(dataset: Dataset) -> Path | None:
    """Find the folder that contains all test photos of a dataset and no other photo; None if there is none."""
    test, others = _find_common_folder(dataset.test), _find_common_folder((*dataset.train, *dataset.validation))
    # Photos in class folders are in one folder with all others.
    if test == others or test in others.parents or others in test.parents:
        return None
    return dataset.root / test


def _check_classes(folder: PhotoFolder, test: PhotoFolder) -> None:
    missing = [f"no {name} in {test.root}" for name in folder.classes if name not in test.classes]
    missing += [f"no {name} in {folder.root}" for name in test.classes if name not in folder.classes]
    if missing:
        hint = "the class folders of both must have the same names: add the missing ones or rename them"
        raise DataError("the photos and the test photos have different classes", where=missing, hint=hint)


def _find_common_folder(photos: tuple[Photo, ...]) -> Path:
    """Return the folder above the class folders of some photos: the longest path that all of them begin with."""
    return Path(os.path.commonpath([Path(photo.path).parent for photo in photos]))
