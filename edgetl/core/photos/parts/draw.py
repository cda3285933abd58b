"""Photos and their groups → the part of each, by hashes, so that added photos and groups do not move others."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from edgetl.core.errors import ConfigError
from edgetl.core.photos.groups.bursts import split_burst_name
from edgetl.core.photos.groups.usable_photo import UsablePhoto
from edgetl.core.records import Part

# A group with a larger share of the photos of a class is a training group: the model would be trained on the rest only.
_LARGEST_SHARE = 0.5
# Its multiples, modulo 1, are spread evenly however many there are. Source: Weyl's equidistribution theorem.
_GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFractions:
    """Fractions of all photos that become test and validation photos; all others are training photos."""

    test: float
    validation: float

    def __post_init__(self) -> None:
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise ConfigError(
                f"test {self.test:g} and validation {self.validation:g} leave no photos for training",
                hint="both are fractions of all photos, and their sum is below 1",
            )

    def compute_training(self, preset_parts: Collection[Part]) -> float:
        """Return the fraction of the photos outside preset parts that remains for training, above 0."""
        fractions: dict[Part, float] = {"test": self.test, "validation": self.validation}
        return 1 - sum(fraction for part, fraction in fractions.items() if part not in preset_parts)


def draw_parts(
    photos: Sequence[UsablePhoto], preset_parts: Collection[Part], split: SplitFractions
) -> list[UsablePhoto]:
    """Set the part of each photo: the preset one, or one that is drawn.

    - A photo without a group is drawn by its sha256, so its part depends on no other photo. It is a group of its own.
    - A group is drawn as a whole by its name. With more than half of the photos of a class it is a training group.
    - Where a class has no photo in a part, the group of it whose draw is nearest to that part moves there, as long as
      its classes keep photos in the part that it leaves. So only the parts of a class of few photos or groups depend on
      others, and a class of three groups or more that are not too large is in every part.

    Args:
        photos: usable photos.
        preset_parts: parts of the folder; they are not drawn.
        split: fractions to draw.
    """
    draw = _Draw(preset_parts, split)
    draw.add_photos([photo for photo in photos if not photo.preset_part])
    draw.stratify()
    return [replace(photo, part=photo.preset_part or draw.get_part(photo)) for photo in photos]


class _Draw:
    """State of a draw: the part of each group, and the photos of each class in each part."""

    def __init__(self, preset_parts: Collection[Part], split: SplitFractions) -> None:
        self._preset_parts, self._split = preset_parts, split
        self._groups: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._draws: dict[str, float] = {}
        self._parts: dict[str, Part] = {}
        self._large: set[str] = set()
        self._in_part: dict[Part, Counter[int]] = {"train": Counter(), "validation": Counter(), "test": Counter()}

    def get_part(self, photo: UsablePhoto) -> Part:
        """Return the part of a photo."""
        if photo.group:
            return self._parts[photo.group]
        return self._parts.get(_name_single(photo)) or self._choose_part(_read_draw(photo.facts.sha256))

    def add_photos(self, photos: Sequence[UsablePhoto]) -> None:
        """Draw the parts of the groups of photos, and count all photos."""
        for photo in photos:
            if photo.group:
                self._groups[photo.group][photo.file.label] += 1
            else:
                self._in_part[self.get_part(photo)][photo.file.label] += 1
        totals = Counter(photo.file.label for photo in photos)
        for name, labels in self._groups.items():
            self._draws[name] = _draw_group(name)
            is_large = any(count > _LARGEST_SHARE * totals[label] for label, count in labels.items())
            self._parts[name] = "train" if is_large else self._choose_part(self._draws[name])
            if is_large:
                self._large.add(name)
            self._in_part[self._parts[name]] += labels
        self._add_single_photos([photo for photo in photos if not photo.group])

    def _add_single_photos(self, photos: Sequence[UsablePhoto]) -> None:
        """Add the photos without a group of classes that are missing in a part, as groups of one photo."""
        parts = [part for part in self._in_part if part not in self._preset_parts or part == "train"]
        counted = {label for counts in self._in_part.values() for label in counts}
        missing = {label for label in counted if any(not self._in_part[part][label] for part in parts)}
        for photo in photos:
            if photo.file.label in missing:
                name = _name_single(photo)
                self._groups[name] = Counter([photo.file.label])
                self._draws[name] = _read_draw(photo.facts.sha256)
                self._parts[name] = self._choose_part(self._draws[name])

    def stratify(self) -> None:
        """Move groups to parts without photos of a class, as far as there are groups."""
        labels = sorted({label for counts in self._groups.values() for label in counts})
        nearest = sorted(self._groups, key=lambda name: (self._draws[name], name))
        # Training comes first: without it, a class is not learned at all.
        orders: dict[Part, list[str]] = {"train": nearest[::-1], "test": nearest, "validation": nearest}
        for part, groups in orders.items():
            if part in self._preset_parts and part != "train":
                continue
            for label in labels:
                name = "" if self._in_part[part][label] else self._find_movable(groups, label, part)
                if name:
                    self._in_part[self._parts[name]] -= self._groups[name]
                    self._in_part[part] += self._groups[name]
                    self._parts[name] = part

    def _find_movable(self, groups: Sequence[str], label: int, part: Part) -> str:
        """Find the first group with a class that may move to a part; "" if there is none."""
        for name in groups:
            if label not in self._groups[name] or name in self._large:
                continue
            rest = self._in_part[self._parts[name]] - self._groups[name]
            if self._parts[name] != part and (part == "train" or all(rest[other] for other in self._groups[name])):
                return name
        return ""

    def _choose_part(self, draw: float) -> Part:
        # Test comes first: another fraction of validation photos does not change the test photos.
        if draw < self._split.test:
            return "test" if "test" not in self._preset_parts else "train"
        if draw < self._split.test + self._split.validation:
            return "validation" if "validation" not in self._preset_parts else "train"
        return "train"


def _name_single(photo: UsablePhoto) -> str:
    """Name a photo without a group. No group has this name: names of groups contain no tabulator followed by a hash."""
    return f"\t{photo.facts.sha256}"


def _draw_group(name: str) -> float:
    """Return a number in 0..1 for a group, by its name. Those of the bursts of a sequence are spread evenly."""
    sequence, number = split_burst_name(name)
    # A hash of the name: near duplicates are named by the lowest of their hashes, which is not uniform.
    draw = _read_draw(hashlib.sha256(f"group {sequence}".encode()).hexdigest())
    # A sequence has few bursts: drawn independently, half of them could be test photos.
    return (draw + number * _GOLDEN_RATIO) % 1


def _read_draw(sha256: str) -> float:
    """Return the first 64 bits of a hash, a uniform number in 0..1."""
    return int(sha256[:16], 16) / 2**64
