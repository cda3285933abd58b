"""near_duplicates.py: a photo that was saved again is a near duplicate, other photos are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from edgetl.core.photos import near_duplicates, pixels
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES


def make_scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def make_thumbnail(image: Image.Image, file_format: str = "JPEG", **options: object) -> np.ndarray:
    """Save an image, decode it, and make its thumbnail: uint8 [243]."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    decoded = pixels.decode_image(pixels.open_image(buffer.getvalue()), pixels.FLOOR_PX)
    return np.frombuffer(near_duplicates.make_thumbnail(decoded), np.uint8)


def match_all_pairs(thumbnails: np.ndarray, candidates: np.ndarray) -> list[set[int]]:
    """Compare every photo with every candidate, and return all its near duplicates."""
    hashes, candidate_hashes = (near_duplicates.compute_hashes(rows) for rows in (thumbnails, candidates))
    return [
        {
            index
            for index, candidate in enumerate(candidates)
            if np.abs(thumbnail.astype(int) - candidate).mean() <= near_duplicates.THUMBNAIL_DISTANCE
            and int(hashes[row] ^ candidate_hashes[index]).bit_count() <= near_duplicates.HASH_DISTANCE
        }
        for row, thumbnail in enumerate(thumbnails)
    ]


def test_hash_has_a_bit_for_each_cell_that_is_brighter_than_its_left_neighbour():
    rising = np.tile(np.arange(9, dtype=np.uint8)[None, :, None], (9, 1, 3))
    falling = rising[:, ::-1]
    hashes = near_duplicates.compute_hashes(np.stack([rising.reshape(-1), falling.reshape(-1)]))
    assert [int(value) for value in hashes] == [2**64 - 1, 0]


def test_photo_that_was_saved_again_is_a_near_duplicate():
    original = make_scene(1)
    versions = [
        make_thumbnail(original, quality=60),
        make_thumbnail(original, "PNG"),
        make_thumbnail(original.resize((640, 480), Image.Resampling.LANCZOS)),
        make_thumbnail(original.resize((224, 168), Image.Resampling.LANCZOS)),
        make_thumbnail(original.crop((1, 1, 319, 239))),
        make_thumbnail(ImageEnhance.Brightness(original).enhance(1.02)),
    ]
    candidates = np.stack([make_thumbnail(make_scene(2)), make_thumbnail(original)])
    assert near_duplicates.find_near_duplicates(np.stack(versions), candidates).tolist() == [1] * len(versions)


def test_other_mirrored_and_darker_photos_are_no_near_duplicates():
    original = make_scene(1)
    mirrored = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    darker = ImageEnhance.Brightness(original).enhance(0.7)
    photos = np.stack([make_thumbnail(image) for image in (make_scene(2), mirrored, darker)])
    assert near_duplicates.find_near_duplicates(photos, make_thumbnail(original)[None]).tolist() == [-1, -1, -1]


def test_solid_colours_with_one_hash_are_distinguished_by_their_thumbnails():
    grey, light, similar = (np.full((1, THUMBNAIL_BYTES), level, np.uint8) for level in (100, 110, 104))
    assert near_duplicates.find_near_duplicates(np.concatenate([light, similar]), grey).tolist() == [-1, 0]


def test_similar_thumbnails_are_distinguished_by_their_hashes():
    flat = np.full((9, 9, 3), 100, np.uint8)
    striped = flat + np.array([0, 5] * 4 + [0], np.uint8)[None, :, None]
    assert near_duplicates.find_near_duplicates(striped.reshape(1, -1), flat.reshape(1, -1)).tolist() == [-1]


def test_no_photos_or_no_candidates():
    nothing, photo = np.empty((0, THUMBNAIL_BYTES), np.uint8), make_thumbnail(make_scene(1))[None]
    assert near_duplicates.find_near_duplicates(nothing, photo).shape == (0,)
    assert near_duplicates.find_near_duplicates(photo, nothing).tolist() == [-1]


def test_matches_are_those_of_a_comparison_of_all_pairs():
    generator = np.random.default_rng(5)
    scenes = np.clip(generator.normal(128, 30, (60, 1, 1, 3)) + generator.normal(0, 25, (60, 9, 9, 1)), 0, 255)
    # Ten versions of each scene, with more and more noise.
    noise = generator.normal(0, 1, (600, 9, 9, 3)) * np.tile(np.arange(10), 60)[:, None, None, None]
    photos = np.clip(np.repeat(scenes, 10, axis=0) + noise, 0, 255).astype(np.uint8).reshape(-1, THUMBNAIL_BYTES)
    photos = photos[generator.permutation(len(photos))]
    thumbnails, candidates = photos[:200], photos[200:]
    matches = near_duplicates.find_near_duplicates(thumbnails, candidates)
    for match, all_matches in zip(matches.tolist(), match_all_pairs(thumbnails, candidates), strict=True):
        assert match in (all_matches or {-1})
    assert 50 < (matches >= 0).sum() < 200, "photos with and without near duplicates are needed"


def make_equal(count: int) -> np.ndarray:
    return np.full((count, THUMBNAIL_BYTES), 50, np.uint8)


def make_different_with_equal_hash_and_sum(count: int) -> np.ndarray:
    ramp = np.broadcast_to((np.arange(81) * 3).reshape(9, 9, 1), (9, 9, 3))
    offsets = np.tile(np.array([14, -14, 14, -14, 14, -14, 14, -14, 0]), (count, 1))
    offsets = np.random.default_rng(6).permuted(offsets, axis=1)
    return np.clip(ramp[None] + offsets[:, :, None, None], 0, 255).astype(np.uint8).reshape(-1, THUMBNAIL_BYTES)


def make_dark(count: int) -> np.ndarray:
    colours = np.random.default_rng(7).integers(0, 30, (count, 1, 3))
    return np.repeat(colours, 81, axis=1).astype(np.uint8).reshape(-1, THUMBNAIL_BYTES)


@pytest.mark.parametrize("make", [make_equal, make_different_with_equal_hash_and_sum, make_dark])
def test_photos_that_are_hard_to_distinguish_need_few_comparisons(make, monkeypatch):
    """A search that compares all pairs would take minutes for a large dataset."""
    comparisons = []
    list_pairs = near_duplicates._list_pairs

    def count_pairs(*arguments):
        rows, partners = list_pairs(*arguments)
        comparisons.append(len(rows))
        return rows, partners

    monkeypatch.setattr(near_duplicates, "_list_pairs", count_pairs)
    photos = make(2000)
    near_duplicates.find_near_duplicates(photos[:600], photos[600:])
    assert 0 < sum(comparisons) < 600 * 1400 / 10
