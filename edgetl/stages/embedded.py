"""Nothing in, a folder of photos out: the handwritten digits that a build without PHOTOS uses."""

from pathlib import Path

from edgetl.engines import digits


def write(folder: Path) -> None:
    """The digits as PNGs, a folder for each, whole or not at all."""
    digits.write_digits(folder)
