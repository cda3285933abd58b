#!/usr/bin/env python3
"""Measure how many bad photos `edgetl inspect` finds, and how many cleanvision finds.

    python tools/measure_bad_photos.py PHOTOS [PHOTOS ...]

Some photos of a folder are copied, and one in 25 of them is given each fault: blurred, dark, overexposed, almost empty,
or a strip four times as wide as high. Precision is the fraction of photos with this fault among those that are named
for it, recall the fraction of those with it that are named. Photos that were bad before count against the precision.
One line of JSON is printed for each folder and fault. cleanvision is not a dependency: pip install cleanvision
"""

import argparse
import importlib
import importlib.util
import io
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from edgetl.core.inspection.appearance import measure_appearance
from edgetl.core.inspection.bad_photos import find_bad_photos
from edgetl.core.inspection.photo_headers import read_headers
from edgetl.core.photos import pixel_store
from edgetl.core.records import InputSpec
from tools.errors import report_errors

SUFFIXES = (".jpg", ".jpeg", ".png")
# The part of the photos that is given each fault.
_ONE_IN = 25
# Of our kinds, those of cleanvision 0.3.7.
_CLEANVISION = {
    "blurred": "blurry",
    "dark": "dark",
    "overexposed": "light",
    "low information": "low_information",
    "odd shape": "odd_aspect_ratio",
}


def blur(image: Image.Image, _: int) -> Image.Image:
    """Blur by a Gaussian whose standard deviation is 2 % of the shorter side."""
    return image.filter(ImageFilter.GaussianBlur(0.02 * min(image.size)))


def darken(image: Image.Image, _: int) -> Image.Image:
    """Keep 15 % of the brightness."""
    return image.point(lambda value: value * 0.15)


def overexpose(image: Image.Image, _: int) -> Image.Image:
    """Keep 15 % of the distance from white."""
    return image.point(lambda value: 255 - (255 - value) * 0.15)


def empty(image: Image.Image, seed: int) -> Image.Image:
    """Draw the mean colour with the noise of a camera."""
    mean = np.asarray(image, np.float64).mean(axis=(0, 1))
    noise = np.random.default_rng(seed).normal(0, 2, (image.height, image.width, 3))
    return Image.fromarray(np.clip(mean + noise, 0, 255).astype(np.uint8))


def cut_strip(image: Image.Image, _: int) -> Image.Image:
    """Keep a strip in the middle that is four times as wide as high."""
    return ImageOps.fit(image, (image.width, max(1, image.width // 4)))


FAULTS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "blurred": blur,
    "dark": darken,
    "overexposed": overexpose,
    "low information": empty,
    "odd shape": cut_strip,
}


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    for folder in options.photos:
        with tempfile.TemporaryDirectory() as place:
            os.environ["XDG_CACHE_HOME"] = f"{place}/cache"
            _measure(folder, Path(place) / "photos", options)


def spoil_photos(folder: Path, out: Path, count: int, seed: int) -> dict[str, set[str]]:
    """Copy photos, some of them with a fault; return the names of those with each fault."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(files))[:count]
    names = list(FAULTS)
    spoiled: dict[str, set[str]] = {name: set() for name in names}
    out.mkdir(parents=True)
    for place, row in enumerate(rows.tolist()):
        with Image.open(files[row]) as photo:
            image = photo.convert("RGB")
        kind = place % _ONE_IN
        name = f"{place:05}.jpg"
        if kind < len(names):
            image = FAULTS[names[kind]](image, place)
            spoiled[names[kind]].add(name)
        image.save(out / name, quality=95)
    return spoiled


def find_ours(folder: Path, side_px: int) -> dict[str, set[str]]:
    """Return the names of the photos with each problem, as `edgetl inspect` finds them."""
    names = sorted(path.name for path in folder.iterdir())
    spec = InputSpec(height_px=side_px, width_px=side_px, fit="crop")
    facts = pixel_store.fill_pixel_store(folder, names, spec, progress=lambda _: None)
    pixels = pixel_store.open_pixels([fact.sha256 for fact in facts], spec)
    bad = find_bad_photos(measure_appearance(pixels.rows, len(names)), read_headers(folder, names))
    return {kind: {names[row.row] for row in bad if row.problem == kind} for kind in FAULTS}


def find_cleanvision(folder: Path) -> dict[str, set[str]]:
    """Return the names of the photos with each problem, as cleanvision finds them with its defaults."""
    # It prints bars and advice.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        lab = importlib.import_module("cleanvision").Imagelab(data_path=str(folder))
        lab.find_issues({issue: {} for issue in _CLEANVISION.values()}, n_jobs=1, verbose=False)
    return {
        kind: {Path(name).name for name in lab.issues.index[lab.issues[f"is_{issue}_issue"]]}
        for kind, issue in _CLEANVISION.items()
    }


def _measure(folder: Path, out: Path, options: argparse.Namespace) -> None:
    spoiled = spoil_photos(folder, out, options.count, options.seed)
    tools = {"edgetl": find_ours(out, options.side)}
    if importlib.util.find_spec("cleanvision"):
        tools["cleanvision"] = find_cleanvision(out)
    for fault, names in spoiled.items():
        row = {"photos": folder.name, "count": len(list(out.iterdir())), "fault": fault, "changed": len(names)}
        for tool, found in tools.items():
            hits = len(found[fault] & names)
            row[f"{tool} precision"] = round(hits / max(1, len(found[fault])), 3)
            row[f"{tool} recall"] = round(hits / max(1, len(names)), 3)
        print(json.dumps(row), flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how many bad photos edgetl inspect and cleanvision find.")
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000, help="photos of each folder")
    parser.add_argument("--side", type=int, default=160, help="pixels of the input of the model")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
