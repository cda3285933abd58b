"""Compose photos with several labels from class folders: python tools/compose_labels.py PHOTOS OUT.

Half of the photos in OUT are two photos of different classes side by side, three eighths are one photo, and one eighth
are blurred noise without a label. OUT/_classes.csv has a column of 0 and 1 for each class, as Roboflow writes it. The
same PHOTOS and numbers give the same files. `edgetl build OUT --multi-label` reads them.
"""

import argparse
import csv
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE_PX = 240
SUFFIXES = (".jpg", ".jpeg", ".png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the photos and their list."""
    parser = argparse.ArgumentParser(description="Compose photos with several labels from class folders.")
    parser.add_argument("photos", type=Path, help="folder of photos, one folder per class")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--count", type=int, default=1200, help="number of photos (default: 1200)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    compose_photos(options.photos, options.out, options.count, options.seed)
    return 0


def compose_photos(photos: Path, out: Path, count: int, seed: int = 1) -> Path:
    """Write `count` photos and _classes.csv into a new folder, and return it."""
    generator = random.Random(seed)
    files = {
        folder.name: sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        for folder in sorted(photos.iterdir())
        if folder.is_dir()
    }
    # Each photo is used once at most, so that no two of them are alike.
    for names in files.values():
        generator.shuffle(names)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        kind = number % 8
        free = [name for name, names in files.items() if names]
        labels = generator.sample(free, min(len(free), 2 if kind < 4 else 1 if kind < 7 else 0))
        if len(labels) < (2 if kind < 4 else 1 if kind < 7 else 0):
            break
        width = SIDE_PX // max(1, len(labels))
        image = Image.new("RGB", (SIDE_PX, SIDE_PX)) if labels else draw_noise(number, seed)
        for column, name in enumerate(labels):
            with Image.open(files[name].pop()) as photo:
                image.paste(ImageOps.fit(photo.convert("RGB"), (width, SIDE_PX)), (column * width, 0))
        image.save(out / f"{number:05}.jpg", quality=90)
        rows.append([f"{number:05}.jpg", *(int(name in labels) for name in files)])
    with (out / "_classes.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["filename", *files], *rows])
    return out


def draw_noise(number: int, seed: int) -> Image.Image:
    """Draw a photo without a label."""
    cells = np.random.default_rng((seed, number)).integers(30, 220, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    sys.exit(main())
