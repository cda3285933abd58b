"""Groups of near duplicates → the rule for --group-by that would give them, if there is one."""

from collections.abc import Callable, Sequence

from edgetl.core.photos.groups.bursts import is_burst_name
from edgetl.core.photos.groups.near_groups import list_near_groups
from edgetl.core.photos.groups.rules import find_path_group, parse_group_rule
from edgetl.core.photos.photo_folder import PhotoFile
from edgetl.core.records import Dataset

# By a folder below the class folder; by all of the name before its last number, as in clip7_0012.jpg.
_PATH_RULES = ("folder", r"([^/]*[^/\d])\d+\D*$")
_TIME_RULE = "exif:60s"
# All but the last digit of the last number: ten consecutive names are a group.
_TENS_RULE = r"(.*)\d\D*$"
# A rule with fewer groups cannot fill three parts evenly.
_FEWEST_GROUPS = 10
# Times are read from so many photos of groups.
_SAMPLED = 5


def suggest_group_rule(dataset: Dataset, have_times: Callable[[Sequence[str]], bool]) -> str:
    """Suggest a rule that keeps the near duplicates of a dataset together; "" if none is known, or there are no groups.

    For a fixed camera, whose photos are near duplicates throughout, it is one that divides them by time or number.

    Args:
        dataset: with groups of near duplicates.
        have_times: whether the photos at some paths have EXIF times.
    """
    photos = [photo for part in (dataset.train, dataset.validation, dataset.test) for photo in part]
    bursts = [photo.path for photo in photos if is_burst_name(photo.group)]
    near = list_near_groups((photo.path, photo.group) for photo in photos)
    if not near and not bursts:
        return ""
    examples = (bursts or [path for paths in near for path in paths[:1]])[:_SAMPLED]
    rules: list[str] = [] if bursts else [*_PATH_RULES]
    rules += [_TIME_RULE] if have_times(examples) else []
    for text in (*rules, _TENS_RULE):
        if text == _TIME_RULE or _fits(text, dataset, [] if bursts else near):
            return text
    return ""


def _fits(text: str, dataset: Dataset, near: Sequence[Sequence[str]]) -> bool:
    """Return whether a rule makes enough groups of all photos, and keeps photos that are near duplicates together."""
    rule = parse_group_rule(text)
    group_of = {
        photo.path: find_path_group(rule, PhotoFile(photo.path, photo.label, None), dataset.classes)
        for part in (dataset.train, dataset.validation, dataset.test)
        for photo in part
    }
    names = set(group_of.values())
    together = all(len({group_of[path] for path in paths}) == 1 for paths in near)
    return together and "" not in names and _FEWEST_GROUPS <= len(names) < len(group_of)
