"""jpeg.js of the browser target under Node, compared with Pillow bit for bit."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

FOLDER = Path(__file__).parents[2] / "targets" / "browser"
NODE = shutil.which("node")
SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed: apt install nodejs")

# Decodes all files; writes the pixels of each, and its size or what is wrong with it.
_PROGRAM = """
import { readFileSync, writeFileSync } from "node:fs";
import { UnsupportedJpeg, decodeJpeg } from "./jpeg.js";
const [results, pixels] = [[], []];
for (const [name, factor] of JSON.parse(readFileSync("cases.json"))) {
  try {
    const { data, width, height } = decodeJpeg(new Uint8Array(readFileSync(name)), () => factor);
    results.push([width, height]);
    pixels.push(Buffer.from(data));
  } catch (error) {
    if (!(error instanceof UnsupportedJpeg)) throw error;
    results.push(error.message);
  }
}
writeFileSync("results.json", JSON.stringify(results));
writeFileSync("pixels.bin", Buffer.concat(pixels));
"""


def decode_files(folder: Path, cases):
    """Decode files of JPEG, each its bytes and a factor; return the results, and all pixels one after another."""
    for name in ("jpeg.js", "jpeg_scan.js", "jpeg_samples.js"):
        shutil.copy(FOLDER / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    for number, (data, _) in enumerate(cases):
        (folder / f"{number}.jpg").write_bytes(data)
    (folder / "cases.json").write_text(
        json.dumps([[f"{number}.jpg", factor] for number, (_, factor) in enumerate(cases)])
    )
    (folder / "program.js").write_text(_PROGRAM)
    subprocess.run([NODE, "program.js"], cwd=folder, check=True, timeout=500)
    return json.loads((folder / "results.json").read_text()), (folder / "pixels.bin").read_bytes()


def write_jpeg(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def paint(width: int, height: int, seed: int) -> Image.Image:
    """Paint smooth colours with noise: all coefficients and both ends of the range occur."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [127 + 150 * np.sin(x / noise.uniform(2, 30) + y / noise.uniform(2, 30)) for _ in range(3)]
    array = np.stack(waves, axis=-1) + noise.normal(0, 12, (height, width, 1))
    return Image.fromarray(array.clip(0, 255).astype(np.uint8))


def check_against_pillow(folder: Path, cases) -> None:
    results, actual = decode_files(folder, cases)
    offset = 0
    for number, (data, factor) in enumerate(cases):
        photo = pixels.open_image(data)
        # The side of a result for which the build chooses this factor.
        side_px = min(photo.size) // factor
        assert pixels.choose_reduction(photo, side_px) == factor or factor == 1
        expected = np.asarray(pixels.decode_image(photo, side_px if factor > 1 else max(photo.size)))
        assert results[number] == [expected.shape[1], expected.shape[0]], (number, results[number])
        part = np.frombuffer(actual, np.uint8, expected.size, offset).reshape(expected.shape)
        offset += expected.size
        assert np.array_equal(part, expected), (number, np.abs(part.astype(int) - expected).max())
    assert offset == len(actual)


def test_pixels_are_those_of_pillow_at_every_reduction_and_sampling(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "FLOOR_PX", 8)
    cases = []
    for number, (sampling, factor) in enumerate((s, f) for s in SAMPLINGS.values() for f in (1, 2, 4, 8)):
        # Sizes that are no multiples of a block, and both kinds of files.
        image = paint(131 + 7 * number, 97 + 5 * number, number)
        options = {"subsampling": sampling, "quality": 50 + 4 * number, "progressive": number % 2 == 0}
        cases.append((write_jpeg(image, **options), factor))
    check_against_pillow(tmp_path, cases)


def test_unusual_files_have_the_pixels_of_pillow(tmp_path):
    image = paint(67, 45, 1)
    cases = [
        (write_jpeg(image.convert("L")), 1),
        (write_jpeg(image.convert("L"), progressive=True), 1),
        (write_jpeg(image, keep_rgb=True), 1),
        (write_jpeg(image, restart_marker_blocks=3), 1),
        (write_jpeg(image, restart_marker_rows=1, progressive=True), 1),
        (write_jpeg(image, quality=1, optimize=True), 1),
        (write_jpeg(image, quality=100, comment="a comment"), 1),
        *((write_jpeg(image.crop((0, 0, width, height))), 1) for width, height in ((1, 1), (2, 9), (5, 3), (16, 17))),
    ]
    check_against_pillow(tmp_path, cases)


def test_other_kinds_of_files_are_left_to_the_browser(tmp_path):
    image = paint(40, 40, 2)
    whole = write_jpeg(image)
    progressive = write_jpeg(image, progressive=True)
    # All scans but the first: their coefficients are estimated by libjpeg.
    first_scan = progressive[: progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)] + b"\xff\xd9"
    arithmetic = whole.replace(b"\xff\xc0", b"\xff\xc9")
    cases = [write_jpeg(image.convert("CMYK")), whole[:-40], whole[:300], arithmetic, first_scan, whole[:2] + b"abcdef"]
    results, _ = decode_files(tmp_path, [(data, 1) for data in cases])
    assert all(isinstance(result, str) for result in results), results


@pytest.mark.slow
def test_two_hundred_random_files_have_the_pixels_of_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "FLOOR_PX", 8)
    # Pillow's own buffer is too small for noise.
    monkeypatch.setattr("PIL.ImageFile.MAXBLOCK", 1 << 24)
    dice = np.random.default_rng(5)
    cases = []
    for number in range(200):
        factor = int(dice.choice([1, 2, 4, 8]))
        width, height = (int(side) for side in dice.integers(8 * factor, 500, 2))
        options = {
            "subsampling": int(dice.integers(3)),
            "quality": int(dice.integers(1, 101)),
            "progressive": bool(dice.integers(2)),
            "optimize": bool(dice.integers(2)),
            "restart_marker_blocks": int(dice.integers(0, 9)),
        }
        cases.append((write_jpeg(paint(width, height, number), **options), factor))
    check_against_pillow(tmp_path, cases)
