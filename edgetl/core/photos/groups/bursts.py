"""File names → bursts: photos with consecutive numbers, as a fixed camera or a video gives them."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

# A sequence of photos of one scene is divided into bursts of so many photos.
BURST_PHOTOS = 10
# A shorter sequence is divided into so many bursts, so that every part can have one.
_FEWEST_BURSTS = 5
# Numbers of a burst may have gaps: half of them may be missing, as after photos were sorted out.
_LARGEST_SPREAD = 2
_BURST = re.compile(r"burst (\d+) of (.+)", re.DOTALL)
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def name_bursts(paths: Sequence[str]) -> list[str]:
    """Divide photos of one scene into bursts of consecutive names.

    Later photos of a sequence do not change the bursts before them, once it has 50.

    Args:
        paths: posix.

    Returns:
        The name of the burst of each photo; "" for a photo whose name has no number, or too few others like it.
    """
    sequences: defaultdict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for row, path in enumerate(paths):
        sequence, number = split_number(path)
        if number >= 0:
            sequences[sequence].append((number, path, row))
    names = [""] * len(paths)
    for sequence, photos in sequences.items():
        if len(photos) < _FEWEST_BURSTS:
            continue
        length = min(BURST_PHOTOS, -(-len(photos) // _FEWEST_BURSTS))
        photos.sort()
        for place, (_, _, row) in enumerate(photos):
            names[row] = f"burst {place // length + 1} of {sequence}"
    return names


def is_burst_name(name: str) -> bool:
    """Return whether a group was named by `name_bursts`."""
    return _BURST.fullmatch(name) is not None


def split_burst_name(name: str) -> tuple[str, int]:
    """Split the name of a burst into its sequence and its number, from 1; any other name has the number 0."""
    match = _BURST.fullmatch(name)
    return (match[2], int(match[1])) if match else (name, 0)


def is_burst(paths: Sequence[str]) -> bool:
    """Return whether all photos have names with consecutive numbers in one folder, apart from gaps."""
    numbered = [split_number(path) for path in paths]
    numbers = [number for _, number in numbered]
    if len({sequence for sequence, _ in numbered}) > 1 or min(numbers) < 0:
        return False
    return max(numbers) - min(numbers) < _LARGEST_SPREAD * len(numbers)


def split_number(path: str) -> tuple[str, int]:
    """Split a path into its sequence, which is all but the last number of the name, and that number; -1 for none."""
    place = PurePosixPath(path)
    match = _NUMBER.search(place.stem)
    if match is None:
        return path, -1
    return f"{place.parent}/{place.stem[: match.start()]}#{place.stem[match.end() :]}", int(match[1])
