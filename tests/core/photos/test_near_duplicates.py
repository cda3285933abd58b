"""looks.py: the same photo saved anew looks the same, other photos do not, and finding pairs stays fast."""

import io
import time

import numpy as np
from PIL import Image, ImageEnhance

from edgetl.core.photos import near_duplicates, pixels

GENERATOR = np.random.default_rng(5)


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def seen(image: Image.Image, kind: str = "JPEG", **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    decoded = pixels.decode_image(pixels.open_image(buffer.getvalue()), pixels.FLOOR_PX)
    return np.frombuffer(near_duplicates.make_thumbnail(decoded), np.uint8)


def array(*rows: np.ndarray) -> np.ndarray:
    return np.stack(rows)


def by_definition(some: np.ndarray, among: np.ndarray) -> list[set[int]]:
    """For each, every index in `among` that is a near duplicate, found the slow way."""
    hashed, hashed_among = near_duplicates.compute_hashes(some), near_duplicates.compute_hashes(among)
    return [
        {
            other
            for other in range(len(among))
            if np.abs(some[one].astype(int) - among[other]).mean() <= near_duplicates.THUMBNAIL_DISTANCE
            and int(hashed[one] ^ hashed_among[other]).bit_count() <= near_duplicates.HASH_DISTANCE
        }
        for one in range(len(some))
    ]


def test_hash_reads_brightness_from_left_to_right():
    rising = np.tile(np.arange(9, dtype=np.uint8)[None, :, None], (9, 1, 3))
    falling = rising[:, ::-1]
    found = near_duplicates.compute_hashes(array(rising.reshape(-1), falling.reshape(-1)))
    assert [int(value) for value in found] == [2**64 - 1, 0]


def test_the_same_photo_saved_anew_is_a_near_duplicate():
    original = scene(1)
    again = [
        seen(original, quality=60),
        seen(original, "PNG"),
        seen(original.resize((640, 480), Image.Resampling.LANCZOS)),
        seen(original.resize((224, 168), Image.Resampling.LANCZOS)),
        seen(original.crop((1, 1, 319, 239))),
        seen(ImageEnhance.Brightness(original).enhance(1.02)),
    ]
    assert near_duplicates.find_near_duplicates(array(*again), array(seen(scene(2)), seen(original))).tolist() == [
        1
    ] * len(again)


def test_other_photos_are_not():
    mirrored = scene(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    others = array(seen(scene(2)), seen(mirrored), seen(ImageEnhance.Brightness(scene(1)).enhance(0.7)))
    assert near_duplicates.find_near_duplicates(others, array(seen(scene(1)))).tolist() == [-1, -1, -1]


def test_solid_colours_need_the_thumbnail():
    grey, light, almost = (np.full(near_duplicates.BYTES, level, np.uint8) for level in (100, 110, 104))
    assert near_duplicates.find_near_duplicates(array(light, almost), array(grey)).tolist() == [-1, 0]


def test_equal_averages_need_the_hash():
    flat = np.full((9, 9, 3), 100, np.uint8)
    striped = flat + np.array([0, 5] * 4 + [0], np.uint8)[None, :, None]
    assert near_duplicates.find_near_duplicates(array(striped.reshape(-1)), array(flat.reshape(-1))).tolist() == [-1]


def test_nothing_against_nothing():
    none = np.empty((0, near_duplicates.BYTES), np.uint8)
    assert near_duplicates.find_near_duplicates(none, array(seen(scene(1)))).shape == (0,)
    assert near_duplicates.find_near_duplicates(array(seen(scene(1))), none).tolist() == [-1]


def test_agrees_with_the_definition():
    base = np.clip(GENERATOR.normal(128, 30, (60, 1, 1, 3)) + GENERATOR.normal(0, 25, (60, 9, 9, 1)), 0, 255)
    crowd = (
        np.repeat(base, 10, axis=0)
        + GENERATOR.normal(0, 1, (600, 9, 9, 3)) * np.tile(np.arange(10), 60)[:, None, None, None]
    )
    crowd = np.clip(crowd, 0, 255).astype(np.uint8).reshape(-1, near_duplicates.BYTES)
    order = GENERATOR.permutation(len(crowd))
    some, among = crowd[order[:200]], crowd[order[200:]]
    found, right = near_duplicates.find_near_duplicates(some, among), by_definition(some, among)
    assert all((twin == -1 and not every) or twin in every for twin, every in zip(found.tolist(), right, strict=True))
    assert 50 < (found >= 0).sum() < 200, "some have twins, some have none"


def test_crowds_are_no_trap():
    """10 000 alike, 10 000 with one hash and one sum that still differ, 10 000 dark ones: seconds at the very most."""
    ramp = np.broadcast_to((np.arange(81) * 3).reshape(9, 9, 1), (9, 9, 3))
    rows = np.tile(np.array([14, -14, 14, -14, 14, -14, 14, -14, 0]), (10000, 1))
    rows = GENERATOR.permuted(rows, axis=1)
    apart = np.clip(ramp[None] + rows[:, :, None, None], 0, 255).astype(np.uint8).reshape(-1, near_duplicates.BYTES)
    dark = (
        np.repeat(GENERATOR.integers(0, 30, (10000, 1, 3)), 81, axis=1)
        .astype(np.uint8)
        .reshape(-1, near_duplicates.BYTES)
    )
    alike = np.full((10000, near_duplicates.BYTES), 50, np.uint8)
    began = time.perf_counter()
    for crowd in (alike, apart, dark):
        near_duplicates.find_near_duplicates(crowd[:3000], crowd[3000:])
    assert time.perf_counter() - began < 15
