"""In: nothing. Out: a folder of 1797 handwritten digits, the photos that edgetl learns from when it is given none."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as `<digit>/<0000>.png`, 8x8 grey, beside each other or not at all.

    They stay 8x8: enlarging them is the business of `pixels`, as with any other photo. Their 17 levels 0..16 become
    0..255, rounded, which keeps every level apart; times 17 would overflow at 16.

    Args:
        folder: what to create. One that exists is complete, as it appears by a rename, and is left alone.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, CC BY 4.0, in scikit-learn.
    """
    if folder.exists():
        return
    digits = load_digits()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        part.chmod(0o755)
        for number, (levels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
            name = part / str(digit) / f"{number:04}.png"
            name.parent.mkdir(exist_ok=True)
            Image.fromarray(np.rint(levels * 255 / 16).astype(np.uint8)).save(name)
        if not folder.exists():
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
