"""File names → labels: cat.0.jpg and "cat (12).jpg" are photos of the class cat."""

import re
from collections import Counter
from collections.abc import Iterable

# A number at the end, with a separator: "cat.0", "cat_12", "cat (3)", "cat-001-2". The label may contain digits.
_NUMBERS = re.compile(r"(?:[\s._-]+\(?\d+\)?)+$")
_DIGITS = re.compile(r"\d+$")
# Names are labels only if they repeat: this fraction of the photos must be in classes of two photos or more.
_REPEATED = 0.9
# Cameras and programs name photos like this. One such name is a class, for example of Pixel phones, only by chance.
_CAMERA_NAMES = frozenset({"img", "dsc", "dscf", "dscn", "pxl", "p", "photo", "image", "frame", "screenshot", "vid"})


def find_label(name: str) -> str:
    """Return the label in a file name, which is all before its number; "" if there is none."""
    stem = name.rpartition(".")[0]
    shorter = _NUMBERS.sub("", stem)
    label = shorter if shorter != stem else _DIGITS.sub("", stem)
    return label.strip(" ._-") if label != stem else ""


def count_labels(names: Iterable[str]) -> Counter[str]:
    """Count the photos of each label in file names; empty if the names are not labels.

    They are if at least two labels have two photos each, most photos belong to such labels, and the labels are not
    those that cameras give.
    """
    photos = list(names)
    labels = Counter(label for label in map(find_label, photos) if label)
    repeated = Counter({label: count for label, count in labels.items() if count > 1})
    if len(repeated) < 2 or repeated.total() < _REPEATED * len(photos):
        return Counter()
    return Counter() if all(label.lower() in _CAMERA_NAMES for label in repeated) else repeated
