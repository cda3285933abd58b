"""A folder of photos and a rule → the folder with the group of each photo."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos.groups.capture_times import group_by_gap, read_capture_times
from edgetl.core.photos.groups.rules import GroupRule, find_path_group
from edgetl.core.photos.layout.labelled_files import find_lists
from edgetl.core.photos.layout.photo_lists import read_list_column
from edgetl.core.photos.layout.tree import read_tree
from edgetl.core.photos.photo_folder import PhotoFolder

_MOST_NAMED = 3


def group_photos(folder: PhotoFolder, source: Path, rule: GroupRule) -> PhotoFolder:
    """Return the folder with the group of each photo. A photo for which the rule gives none is in no group.

    Args:
        folder: from `scan_photos`.
        source: what was scanned: a folder or a CSV list.
        rule: which photos are in one group.

    Raises:
        ConfigError: the rule gives no photo a group, or the photos have no CSV list.
        DataError: the list has no such column.
    """
    groups = _find_groups(folder, source, rule)
    missing = [file.path for file in folder.files if not groups.get(file.path)]
    if len(missing) == len(folder.files):
        raise ConfigError(
            f"--group-by {rule.text} finds no group for any of {len(missing)} photos",
            where=[folder.root, *missing[:_MOST_NAMED]],
            hint=_explain_none(rule),
        )
    notes = list(folder.notes)
    if missing:
        names = ", ".join(missing[:_MOST_NAMED]) + (", …" if len(missing) > _MOST_NAMED else "")
        notes.append(f"--group-by {rule.text} finds no group for {len(missing)} photos: {names}")
    files = tuple(replace(file, group=groups.get(file.path, "")) for file in folder.files)
    return replace(folder, files=files, notes=tuple(notes))


def _find_groups(folder: PhotoFolder, source: Path, rule: GroupRule) -> Mapping[str, str]:
    if rule.kind == "exif":
        return group_by_gap(read_capture_times(folder.root, folder.paths), rule.gap_s)
    if rule.kind == "csv":
        return _read_column(source.absolute(), rule, multi_label=folder.multi_label)
    return {file.path: find_path_group(rule, file, folder.classes) for file in folder.files}


def _read_column(source: Path, rule: GroupRule, *, multi_label: bool) -> dict[str, str]:
    """Read the groups from the lists that were scanned, by the paths that the scan gave to their photos."""
    root, lists = (
        (source.parent, (source,))
        if source.is_file()
        else (source, find_lists(source, read_tree(source).root, multi_label=multi_label))
    )
    if not lists:
        raise DataError(
            f"--group-by {rule.text} needs photos listed in a CSV file",
            where=[source],
            hint="give the CSV file as PHOTOS, or group by folder, exif:60s or a regular expression",
        )
    return {
        (PurePosixPath(file.parent.relative_to(root)) / path).as_posix(): group
        for file in lists
        for path, group in read_list_column(file, rule.column).items()
    }


def _explain_none(rule: GroupRule) -> str:
    return {
        "path": "the regular expression is searched in paths like these, with forward slashes",
        "folder": f"there is no folder at level {rule.level} below the class folders; folder is the first level",
        "exif": "the photos have no EXIF time (DateTimeOriginal): group by folder or a regular expression",
        "csv": "the column is empty for all photos",
    }[rule.kind]
