"""The text of --group-by → a rule, and by it the group of a photo from its path."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from edgetl.core.errors import ConfigError
from edgetl.core.photos.layout.names import normalize_name
from edgetl.core.photos.photo_folder import PhotoFile

_FORMS = "folder, folder:2, exif:60s, csv:COLUMN, or a regular expression such as '(.*)_[0-9]+'"
_SECONDS = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_GAP = re.compile(r"(\d{1,7})(s|min|m|h|d)?")
# A pattern of a recipe may come from somebody else. Long ones have no use, and those that repeat a repetition can take
# minutes for one path.
_LONGEST_PATTERN = 500
_NESTED_REPETITION = re.compile(r"[*+}]\)[*+{]")


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRule:
    """What photos of one group have in common.

    Attributes:
        kind: a match in the path, a folder below the class folder, the time in EXIF, or a column of a CSV list.
        text: as it was given.
        pattern: of the path; "" for other kinds.
        level: of the folder below the class folder, from 1; 0 for other kinds.
        gap_s: longest time between two photos of a group, seconds; 0 for other kinds.
        column: name of the column; "" for other kinds.
    """

    kind: Literal["path", "folder", "exif", "csv"]
    text: str
    pattern: str = ""
    level: int = 0
    gap_s: int = 0
    column: str = ""


def parse_group_rule(text: str) -> GroupRule:
    """Parse the value of --group-by.

    Raises:
        ConfigError: no level, gap or column where one is needed, or no regular expression.
    """
    kind, colon, value = text.partition(":")
    if text == "folder" or (kind == "folder" and colon):
        if colon and not re.fullmatch(r"[1-9]\d?", value):
            raise _refuse(text, "the level is a number from 1")
        return GroupRule(kind="folder", text=text, level=int(value or 1))
    if kind == "exif" and (colon or text == "exif"):
        match = _GAP.fullmatch(value)
        if match is None or int(match[1]) == 0:
            raise _refuse(text, "the gap is a number of seconds, minutes (min), hours (h) or days (d), as in exif:60s")
        return GroupRule(kind="exif", text=text, gap_s=int(match[1]) * _SECONDS[match[2] or ""])
    if kind == "csv" and colon:
        if not value.strip():
            raise _refuse(text, "a column is missing, as in csv:plant")
        return GroupRule(kind="csv", text=text, column=value.strip())
    if not text or len(text) > _LONGEST_PATTERN or _NESTED_REPETITION.search(text):
        raise _refuse(text[:60], "a regular expression must be short and must not repeat a repetition")
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise _refuse(text, f"it is no regular expression: {error}") from error
    return GroupRule(kind="path", text=text, pattern=text)


def find_path_group(rule: GroupRule, file: PhotoFile, classes: Sequence[str]) -> str:
    """Return the group of a photo by its path; "" if the rule finds none in it.

    Args:
        rule: by path or folder.
        file: the photo.
        classes: class names, by label.
    """
    if rule.kind == "folder":
        # A photo may have no label.
        return _find_folder(file, classes[file.label] if file.label < len(classes) else "", rule.level)
    match = re.search(rule.pattern, file.path)
    if match is None:
        return ""
    return (match[1] or "") if match.re.groups else match[0]


def _find_folder(file: PhotoFile, class_name: str, level: int) -> str:
    """Return the folders from below the class folder to a level; "" if there are not so many."""
    folders = PurePosixPath(file.path).parts[:-1]
    # The folder of a part may have the name of a class. Without a class folder, levels count from the top.
    first = 1 if file.part is not None and len(folders) > 1 else 0
    places = [place for place in range(first, len(folders)) if normalize_name(folders[place]) == class_name]
    inside = folders[places[0] + 1 :] if places else folders
    return "/".join(inside[:level]) if len(inside) >= level else ""


def _refuse(text: str, problem: str) -> ConfigError:
    return ConfigError(f"--group-by {text!r}: {problem}", hint=f"use {_FORMS}")
