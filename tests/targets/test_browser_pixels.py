"""pixels.js of the browser target under Node, compared with pixels.py bit for bit."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

SOURCE = Path(__file__).parents[2] / "targets" / "browser" / "pixels.js"
NODE = shutil.which("node")
# EXIF orientations whose transposition swaps the sides are included.
ORIENTATIONS = range(1, 9)

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed: apt install nodejs")

# Reads the cases, and the pixels of all images from one file; writes the pixels of all results.
_PROGRAM = """
import { readFileSync, writeFileSync } from "node:fs";
import * as pixels from "./pixels.mjs";
const cases = JSON.parse(readFileSync("cases.json"));
const bytes = new Uint8Array(readFileSync("images.bin"));
const results = [];
let offset = 0;
for (const { name, width, height, others } of cases) {
  const image = { data: bytes.subarray(offset, offset + width * height * 3), width, height };
  offset += width * height * 3;
  results.push(Buffer.from(pixels[name](image, ...others).data));
}
writeFileSync("results.bin", Buffer.concat(results));
"""


def run_cases(folder: Path, cases) -> bytes:
    """Run functions of pixels.js on images; each case is a function name, an array and further arguments."""
    shutil.copy(SOURCE, folder / "pixels.mjs")
    rows = [
        {"name": name, "width": image.shape[1], "height": image.shape[0], "others": others}
        for name, image, others in cases
    ]
    (folder / "cases.json").write_text(json.dumps(rows))
    (folder / "images.bin").write_bytes(b"".join(image.tobytes() for _, image, _ in cases))
    (folder / "program.mjs").write_text(_PROGRAM)
    subprocess.run([NODE, "program.mjs"], cwd=folder, check=True, timeout=500)
    return (folder / "results.bin").read_bytes()


def check_fits(folder: Path, sizes) -> None:
    """Compare the fits of random images; each size is width and height of the image and of the result."""
    noise = np.random.default_rng(7)
    cases, expected = [], []
    for number, (width, height, columns, rows) in enumerate(sizes):
        image = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
        fit = pixels.FITS[number % 3]
        cases.append(("fitImage", image, [rows, columns, fit]))
        expected.append((fit, pixels.fit_image(Image.fromarray(image), rows, columns, fit)))
    results = run_cases(folder, cases)
    offset = 0
    for size, (fit, array) in zip(sizes, expected, strict=True):
        actual = np.frombuffer(results, np.uint8, array.size, offset).reshape(array.shape)
        offset += array.size
        assert np.array_equal(actual, array), f"{size} {fit}: {np.abs(actual.astype(int) - array).max()}"
    assert offset == len(results)


def draw_sizes(count: int, largest: int):
    dice = random.Random(11)
    sizes = [tuple(dice.randint(1, largest) for _ in range(4)) for _ in range(count - 6)]
    # Square, the shape of the result, the size of the result, long and narrow, and ties of round().
    return [*sizes, (96, 96, 96, 96), (64, 48, 32, 24), (1, 300, 20, 20), (300, 1, 20, 20), (4, 1, 10, 8), (8, 3, 4, 4)]


def test_fits_of_fifty_random_sizes_are_those_of_pillow(tmp_path):
    check_fits(tmp_path, draw_sizes(51, 200))


@pytest.mark.slow
def test_fits_of_a_thousand_random_sizes_are_those_of_pillow(tmp_path):
    check_fits(tmp_path, draw_sizes(1002, 700))


def test_orientation_makes_a_photo_upright_as_pillow_does(tmp_path):
    image = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)
    results = run_cases(tmp_path, [("orientImage", image, [value]) for value in (*ORIENTATIONS, 0, 9)])
    expected = []
    for value in (*ORIENTATIONS, 0, 9):
        photo = Image.fromarray(image)
        exif = Image.Exif()
        exif[274] = value
        path = tmp_path / f"{value}.png"
        photo.save(path, exif=exif)
        expected.append(np.asarray(pixels.decode_image(pixels.open_image(path.read_bytes()), 3)).tobytes())
    assert results == b"".join(expected)


def test_reduction_has_the_size_of_libjpeg_and_averages_blocks(tmp_path):
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    results = np.frombuffer(run_cases(tmp_path, [("reduceImage", image, [2])]), np.uint8).reshape(3, 4, 3)
    assert np.array_equal(results[0, 0], np.floor(image[:2, :2].reshape(-1, 3).mean(0) + 0.5))
    assert np.array_equal(results[2, 3], image[4, 6])
