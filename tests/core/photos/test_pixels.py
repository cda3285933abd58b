"""pixels.py: every mode and format, orientation, fits, limits, and damage of every kind."""

import ast
import io
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from edgetl.core.photos import pixels

GENERATOR = np.random.default_rng(0)
WIDTH, HEIGHT = 64, 48


def picture(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Four corners of different colours: red, green / blue, white; smooth enough to survive JPEG."""
    corners = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8))
    return corners.resize((width, height), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corners(array: np.ndarray) -> list[list[int]]:
    """The four corners' colours, clockwise from the top left."""
    return [array[y, x].tolist() for y, x in ((1, 1), (1, -2), (-2, -2), (-2, 1))]


RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]


@pytest.mark.parametrize(
    "kind, options",
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_lossless_formats_give_the_exact_pixels(kind, options):
    noise = GENERATOR.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind, **options)
    for fit in pixels.FITS:
        assert np.array_equal(pixels.decode_photo(data, 20, fit), noise)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (641, 480), (20, 20), (7, 300)])
@pytest.mark.parametrize("fit", pixels.FITS)
def test_a_camera_frame_gives_what_its_photo_gives(tmp_path, size, fit):
    frame = GENERATOR.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(frame).save(tmp_path / "frame.png")
    found = pixels.fit_image(Image.fromarray(frame), 96, fit)
    assert np.array_equal(found, pixels.load_photo(tmp_path / "frame.png", 96, fit))
    # Rows that lie apart in memory, as a camera's may, change nothing.
    padded = np.zeros((size[1], size[0] + 5, 3), np.uint8)
    padded[:, : size[0]] = frame
    assert np.array_equal(pixels.fit_image(Image.fromarray(padded[:, : size[0]]), 96, fit), found)


@pytest.mark.parametrize("kind, options", [("JPEG", {"quality": 95, "subsampling": 0}), ("GIF", {})])
def test_lossy_formats_are_close(kind, options):
    found = pixels.decode_photo(encoded(picture(32, 32), kind, **options), 32, "crop").astype(int)
    assert np.abs(found - np.asarray(picture(32, 32)).astype(int)).mean() < 4


def test_gif_gives_its_first_frame():
    red, blue = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    data = encoded(red, "GIF", save_all=True, append_images=[blue])
    assert pixels.decode_photo(data, 9, "crop")[4, 4].tolist() == RED


def _alpha() -> Image.Image:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    return image


@pytest.mark.parametrize(
    "image, left, right",
    [
        (_alpha(), WHITE, RED),
        (Image.merge("LA", (Image.new("L", (8, 8), 0), _alpha().getchannel("A"))), WHITE, [0, 0, 0]),
        (Image.new("L", (8, 8), 77), [77] * 3, [77] * 3),
        (Image.new("1", (8, 8), 1), WHITE, WHITE),
        (Image.new("P", (8, 8), 3), None, None),
        (Image.fromarray(np.full((8, 8), 65535, np.uint16)), WHITE, WHITE),
        (Image.fromarray(np.full((8, 8), 32896, np.uint16)), [128] * 3, [128] * 3),
        (Image.fromarray(np.full((8, 8), 32896, np.int32)), [128] * 3, [128] * 3),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), RED, RED),
        (Image.new("RGB", (8, 8), "blue").convert("YCbCr"), [0, 0, 254], [0, 0, 254]),
    ],
)
def test_modes_become_rgb(image, left, right):
    found = pixels.fit_image(image, 8, "crop")
    assert found.dtype == np.uint8 and found.shape == (8, 8, 3)
    if left is not None:
        assert (found[4, 0].tolist(), found[4, 7].tolist()) == (left, right)


@pytest.mark.parametrize("big_endian", [False, True])
def test_sixteen_bit_files_are_scaled_not_clipped(big_endian):
    levels = (np.arange(64).reshape(8, 8) * 1040).astype(">u2" if big_endian else "<u2")
    image = Image.frombytes("I;16B" if big_endian else "I;16", (8, 8), levels.tobytes())
    found = pixels.decode_photo(encoded(image, "TIFF"), 8, "stretch")
    assert np.array_equal(found[..., 0], np.rint(levels / 257).astype(np.uint8))


def test_transparent_palette_and_colour_key_show_white():
    keyed = encoded(Image.new("RGB", (6, 6), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    palette = encoded(Image.new("RGB", (6, 6), "red").quantize(4), "PNG", transparency=bytes([0, 0, 0, 0]))
    assert pixels.decode_photo(keyed, 6, "crop")[3, 3].tolist() == WHITE
    assert pixels.decode_photo(palette, 6, "crop")[3, 3].tolist() == WHITE


@pytest.mark.parametrize("dtype, name", [(np.float32, "F pixels"), (np.int32, "32-bit pixels")])
def test_pixels_without_plain_meaning_are_refused(dtype, name):
    data = encoded(Image.fromarray(np.full((8, 8), 70000, dtype)), "TIFF")
    with pytest.raises(pixels.PhotoError, match=name):
        pixels.decode_photo(data, 8, "crop")


UPRIGHT = {
    1: [RED, GREEN, WHITE, BLUE],
    2: [GREEN, RED, BLUE, WHITE],
    3: [WHITE, BLUE, RED, GREEN],
    4: [BLUE, WHITE, GREEN, RED],
    5: [RED, BLUE, WHITE, GREEN],
    6: [BLUE, RED, GREEN, WHITE],
    7: [WHITE, GREEN, RED, BLUE],
    8: [GREEN, WHITE, BLUE, RED],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[274] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    found = pixels.decode_photo(encoded(picture(), kind, exif=exif, **options), 32, "stretch").astype(int)
    assert np.abs(np.array(corners(found)) - np.array(UPRIGHT[orientation])).max() < 12
    padded = pixels.decode_photo(encoded(picture(), kind, exif=exif, **options), 32, "pad")
    black = padded[0, 16] if orientation < 5 else padded[16, 0]
    assert black.tolist() == [0, 0, 0], "the bars of a turned photo are at its sides"


@pytest.mark.parametrize(
    "exif",
    [b"", b"Exif\0\0", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x04\0", b"zz"],
)
def test_broken_exif_means_upright_and_no_warning(exif):
    found = pixels.decode_photo(encoded(picture(), "PNG", exif=exif), 32, "stretch")
    assert corners(found) == UPRIGHT[1]


def test_fits():
    wide = Image.new("RGB", (60, 20), "red")
    wide.paste((0, 0, 255), (20, 0, 40, 20))
    crop, stretch, pad = (pixels.fit_image(wide, 30, fit) for fit in pixels.FITS)
    assert (crop[:, 1:-1] == BLUE).all() and (crop[:, [0, -1], 2] > 200).all()
    assert stretch[15, 1].tolist() == RED and stretch[15, 15].tolist() == BLUE and (stretch != 0).any(axis=2).all()
    assert (
        (pad[:10] == 0).all() and (pad[20:] == 0).all() and pad[15, 15].tolist() == BLUE and pad[15, 1].tolist() == RED
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 2), (227, 227), (500, 375)])
@pytest.mark.parametrize("fit", pixels.FITS)
def test_every_size_fits(size, fit):
    assert pixels.decode_photo(encoded(Image.new("RGB", size, "white"), "JPEG"), 17, fit).shape == (17, 17, 3)


def test_resize_is_the_antialiased_triangle_of_its_definition():
    line = GENERATOR.integers(0, 256, (50, 50, 3), dtype=np.uint8)
    centres = (np.arange(20) + 0.5) * 2.5
    weights = np.maximum(0, 1 - np.abs(np.arange(50) + 0.5 - centres[:, None]) / 2.5)
    weights /= weights.sum(axis=1, keepdims=True)
    expected = np.einsum("ay,yxc,bx->abc", weights, line.astype(float), weights)
    assert np.abs(pixels.fit_image(Image.fromarray(line), 20, "stretch") - expected).max() <= 1.01


def test_axes_are_resized_in_an_order_of_our_own():
    """Pillow 13 resizes 192x256 → 160x160 rows first, older ones columns first; ours is the longer axis first."""
    tall = Image.fromarray(GENERATOR.integers(0, 256, (256, 192, 3), dtype=np.uint8))
    by_hand = tall.resize((192, 160), Image.Resampling.BILINEAR).resize((160, 160), Image.Resampling.BILINEAR)
    assert np.array_equal(pixels.fit_image(tall, 160, "stretch"), np.asarray(by_hand))


@pytest.mark.parametrize("size", [(400, 300), (900, 1500), (2049, 1777), (3200, 1000)])
@pytest.mark.parametrize("side_px", [96, 200, 331])
def test_reduced_jpeg_keeps_enough_pixels(size, side_px):
    data = encoded(Image.new("RGB", size, "white"), "JPEG")
    scale = pixels.choose_reduction(pixels.open_image(data), side_px)
    image = pixels.decode_image(pixels.open_image(data), side_px)
    assert image.size == tuple(-(-length // scale) for length in size)
    assert min(image.size) >= max(side_px, pixels.FLOOR_PX) or scale == 1
    assert scale == 8 or min(size) // (2 * scale) < max(side_px, pixels.FLOOR_PX)


def test_reduced_jpeg_looks_like_the_whole_one():
    smooth = Image.fromarray(GENERATOR.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((1600, 1200))
    data = encoded(smooth, "JPEG", quality=95)
    for fit in pixels.FITS:
        whole = pixels.fit_image(Image.open(io.BytesIO(data)).convert("RGB"), 96, fit).astype(int)
        assert np.abs(pixels.decode_photo(data, 96, fit) - whole).max() <= 6


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "empty file"),
        (b"hello, I am a list of things", "not a photo (text?)"),
        (bytes(range(200, 256)), "not a photo"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC, AVIF or video: convert to JPEG"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a photo"),
    ],
)
def test_what_is_no_photo_is_named(data, reason):
    with pytest.raises(pixels.PhotoError) as caught:
        pixels.decode_photo(data, 8, "crop")
    assert str(caught.value) == reason


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_bombs_are_refused_before_decoding(kind):
    image = Image.new("1" if kind != "GIF" else "P", (10000, 9001))
    data = encoded(image, kind, **({"compression": "group4"} if kind == "TIFF" else {}))
    with pytest.raises(pixels.PhotoError, match="90 megapixels: over the limit of 89"):
        pixels.decode_photo(data, 8, "crop")


def test_pillows_own_limit_does_not_matter(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for kind in ("JPEG", "PNG", "BMP", "GIF"):
        assert pixels.decode_photo(encoded(picture(), kind), 8, "crop").shape == (8, 8, 3)


def test_bytes_are_limited(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(picture(), "PNG"))
    assert pixels.load_photo(tmp_path / "a.png", 8, "crop").shape == (8, 8, 3)
    monkeypatch.setattr(pixels, "MAX_BYTES", 50)
    with pytest.raises(pixels.PhotoError, match="over the limit"):
        pixels.load_photo(str(tmp_path / "a.png"), 8, "crop")


def test_unreadable_is_a_photo_error(tmp_path):
    with pytest.raises(pixels.PhotoError, match="cannot be read: No such file"):
        pixels.load_photo(tmp_path / "none.png", 8, "crop")
    with pytest.raises(pixels.PhotoError, match="cannot be read"):
        pixels.load_photo(tmp_path, 8, "crop")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_is_refused_whatever_pillow_is_told(kind, lenient, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    noise = Image.fromarray(GENERATOR.integers(0, 256, (200, 200, 3), dtype=np.uint8))
    data = encoded(noise, kind)
    with pytest.raises(pixels.PhotoError, match="truncated"):
        pixels.decode_photo(data[: len(data) // 2], 8, "crop")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient, "the switch is put back"


def test_wrong_arguments_are_no_photo_errors():
    for side_px, fit in ((8, "cover"), (0, "crop")):
        with pytest.raises(ValueError) as caught:
            pixels.decode_photo(encoded(picture(), "PNG"), side_px, fit)
        assert not isinstance(caught.value, pixels.PhotoError)


def _seeds() -> list[bytes]:
    base = Image.fromarray(np.kron(GENERATOR.integers(0, 255, (4, 5, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[274], exif[271], exif[282] = 6, "maker", 72.0
    deep = Image.fromarray(GENERATOR.integers(0, 65535, (20, 20)).astype(np.uint16))
    return [
        encoded(base, "JPEG", exif=exif),
        encoded(base, "JPEG", progressive=True),
        encoded(base.convert("CMYK"), "JPEG"),
        encoded(base, "PNG", exif=exif),
        encoded(base.quantize(16), "PNG", transparency=bytes([0, 100, 255])),
        encoded(deep, "PNG"),
        encoded(base, "GIF", save_all=True, append_images=[base.rotate(90)]),
        encoded(base, "BMP"),
        encoded(base.quantize(16), "BMP"),
        encoded(base, "WEBP", exif=exif),
        encoded(base.convert("RGBA"), "WEBP", lossless=True),
        encoded(base, "TIFF", exif=exif),
        encoded(base, "TIFF", compression="tiff_lzw"),
        encoded(base, "TIFF", compression="jpeg"),
        encoded(base, "TIFF", compression="packbits"),
        encoded(deep, "TIFF"),
    ]


def _mutated(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    if chance.random() < 0.3:
        return data[: chance.randrange(len(data))]
    reach = chance.choice((len(data), min(len(data), 200)))
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        damaged[chance.randrange(reach)] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(damaged)


@pytest.mark.filterwarnings("default::UserWarning:PIL.*")  # Damaged TIFF tags make Pillow warn; that is its right.
def test_damage_gives_pixels_or_a_photo_error_and_nothing_else(recwarn):
    chance = random.Random(3)
    outcomes = {"pixels": 0, "refusal": 0}
    for data in _seeds():
        for _ in range(150):
            try:
                found = pixels.decode_photo(_mutated(data, chance), 24, chance.choice(pixels.FITS))
                assert found.shape == (24, 24, 3)
                outcomes["pixels"] += 1
            except pixels.PhotoError as error:
                assert 0 < len(str(error)) < 60
                outcomes["refusal"] += 1
    assert outcomes["pixels"] > 300 and outcomes["refusal"] > 1000, outcomes


def test_where_warnings_are_errors_a_damaged_tiff_is_still_a_photo_error():
    exif = Image.Exif()
    exif[271], exif[272] = "maker of cameras", "model of a camera"
    data = bytearray(encoded(picture(), "TIFF", exif=exif))
    at = data.index(b"\x0f\x01\x02\x00") + 8  # Tag 271's offset now points beyond the file.
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(pixels.PhotoError):
            pixels.decode_photo(bytes(data), 8, "crop")


def test_it_travels_alone(tmp_path):
    """On the device it is a file beside others: it imports nothing but the standard library, numpy and Pillow."""
    source = Path(pixels.__file__).read_text()
    ast.parse(source, feature_version=(3, 9))
    (tmp_path / "pixels.py").write_text(source)
    (tmp_path / "a.jpg").write_bytes(encoded(picture(), "JPEG"))
    program = (
        "import pixels, sys; print(pixels.load_photo('a.jpg', 8, 'pad').shape, any('edgetl' in m for m in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split(") ") == ["(8, 8, 3", "False\n"]
