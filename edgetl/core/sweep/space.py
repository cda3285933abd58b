"""The networks that a sweep compares: bases with their widths, and sides of the input."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError
from edgetl.core.network import bases
from edgetl.core.network.base_table import BASES
from edgetl.core.storage.regular_files import read_user_text

# Two widths of each base, all of them with published weights.
_IMAGENET = (
    ("mobilenet", 0.25),
    ("mobilenet", 0.5),
    ("mobilenet_v2", 0.35),
    ("mobilenet_v2", 0.75),
)
_SIDES_PX = (96, 160)
# Boards with little memory have slow cores, too.
_SMALL_BOARD_BYTES = 600_000_000
_SMALL_SIDES_PX = (96, 128)
_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 32, 1024
_AMOUNTS = {"": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepCandidate:
    """A network: its base, the width multiplier, and the side of its square input in px."""

    base: str
    alpha: float
    side_px: int

    @property
    def name(self) -> str:
        """Return the name of its folder and of its row."""
        return f"{self.base}-{self.alpha:g}-{self.side_px}"


def list_sweep_candidates(networks: Sequence[tuple[str, float]], sides_px: Sequence[int]) -> tuple[SweepCandidate, ...]:
    """List each network with each side, each combination once."""
    rows = dict.fromkeys(product(networks, sides_px))
    return tuple(SweepCandidate(base=base, alpha=alpha, side_px=side) for (base, alpha), side in rows)


def choose_networks(weights: str) -> tuple[tuple[str, float], ...]:
    """Return the default networks: those that have the weights of the recipe.

    Args:
        weights: "imagenet", "formula", "none" or the path of a file.

    Raises:
        ConfigError: a file with weights, which fit one network only.
    """
    if weights == "formula":
        return tuple((name, row.formula.alpha) for name, row in BASES.items() if row.formula)
    if weights not in bases.WEIGHTS:
        raise ConfigError(
            f"--weights {weights} fits one network, and a sweep compares several",
            hint="name that network, as in --bases mobilenet_v2:0.35, or leave out --weights",
        )
    return _IMAGENET


def choose_sides(target: Target) -> tuple[int, ...]:
    """Return the default sides of the input for a target, in px."""
    board = target.device
    return _SMALL_SIDES_PX if board is not None and board.ram_bytes <= _SMALL_BOARD_BYTES else _SIDES_PX


def parse_networks(text: str) -> tuple[tuple[str, float], ...]:
    """Read networks, as in "mobilenet:0.25,mobilenet_v2:0.35". Without a width it is 1.

    Raises:
        ConfigError: an unknown base, or a width that is no number.
    """
    networks = []
    for word in _split(text, "--bases"):
        name, _, width = word.partition(":")
        bases.find_base(name)
        try:
            alpha = float(width or 1)
        except ValueError:
            alpha = 0.0
        if not 0 < alpha <= 2:
            raise ConfigError(
                f"--bases {word}: the width is a number above 0 and at most 2, not {width!r}",
                hint="write BASE:ALPHA, as in --bases mobilenet:0.25,mobilenet_v2:0.35",
            )
        networks.append((name, alpha))
    return tuple(networks)


def parse_sides(text: str) -> tuple[int, ...]:
    """Read sides of the input in px, as in "96,128,160".

    Raises:
        ConfigError: no whole number, or one out of range.
    """
    words = _split(text, "--sides")
    sides = tuple(int(word) if word.isascii() and word.isdigit() else 0 for word in words)
    for word, side in zip(words, sides, strict=True):
        if not _SMALLEST_SIDE_PX <= side <= _LARGEST_SIDE_PX:
            raise ConfigError(
                f"--sides {word}: a side is {_SMALLEST_SIDE_PX} to {_LARGEST_SIDE_PX} px",
                hint="write whole numbers, as in --sides 96,128,160",
            )
    return sides


def read_space(path: Path) -> tuple[SweepCandidate, ...]:
    """Read candidates from a TOML file with `bases` and `sides`, as in `bases = ["mobilenet:0.25"]`, `sides = [96]`.

    Raises:
        ConfigError: no such file, no TOML, other keys, or values that `parse_networks` and `parse_sides` refuse.
    """
    hint = 'write bases = ["mobilenet:0.25", "mobilenet_v2:0.35"] and sides = [96, 128]'
    try:
        table = tomllib.loads(read_user_text(path, "the space of the sweep", hint=hint))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the space of the sweep is no TOML: {error}", where=(path,), hint=hint) from error
    if set(table) != {"bases", "sides"} or not all(isinstance(value, list) for value in table.values()):
        raise ConfigError(
            "the space of the sweep has the lists bases and sides, and no others", where=(path,), hint=hint
        )
    return list_sweep_candidates(
        parse_networks(",".join(map(str, table["bases"]))), parse_sides(",".join(map(str, table["sides"])))
    )


def parse_bytes(text: str) -> int:
    """Read a number of bytes, as in "3M", "300k" or "3000000", in decimal units.

    Raises:
        ConfigError: no such number.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    count = round(float(match[1]) * _AMOUNTS.get(match[2], 0)) if match else 0
    if count < 1:
        raise ConfigError(f"--limit-bytes {text} is no number of bytes", hint="write 3000000, 300k or 3M")
    return count


def parse_duration(text: str) -> float:
    """Read a duration, as in "90s", "30m" or "2h", and return seconds.

    Raises:
        ConfigError: no such duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise ConfigError(f"--budget {text} is no duration", hint="write 90s, 30m or 2h")
    return seconds


def _split(text: str, option: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise ConfigError(f"{option} {text!r} has an empty entry", hint="separate entries with one comma")
    return words
