"""pixels.py: formats, colour modes, orientation, fits, limits, and damaged files."""

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
from PIL.PngImagePlugin import PngInfo

from edgetl.core.photos import pixels

RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]


def make_corners(width: int = 64, height: int = 48) -> Image.Image:
    """Draw red and green above blue and white: an image without details, which JPEG changes little."""
    colours = Image.fromarray(np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8))
    return colours.resize((width, height), Image.Resampling.NEAREST)


def make_noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def read_corners(array: np.ndarray) -> list[list[int]]:
    """Return the colours of the four corners, clockwise from the top left."""
    return [array[y, x].tolist() for y, x in ((1, 1), (1, -2), (-2, -2), (-2, 1))]


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_lossless_format_is_decoded_exactly(file_format, options):
    noise = make_noise(20, 20)
    data = encode(noise, file_format, **options)
    for fit in pixels.FITS:
        assert np.array_equal(pixels.decode_photo(data, 20, 20, fit), np.asarray(noise))


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (641, 480), (20, 20), (7, 300)])
@pytest.mark.parametrize("fit", pixels.FITS)
def test_camera_frame_and_its_photo_have_the_same_pixels(tmp_path, size, fit):
    frame = make_noise(*size)
    frame.save(tmp_path / "frame.png")
    fitted = pixels.fit_image(frame, 96, 96, fit)
    assert np.array_equal(fitted, pixels.load_photo(tmp_path / "frame.png", 96, 96, fit))
    # Padding between the rows in memory, as in a camera's buffer, changes nothing.
    padded = np.zeros((size[1], size[0] + 5, 3), np.uint8)
    padded[:, : size[0]] = np.asarray(frame)
    assert np.array_equal(pixels.fit_image(Image.fromarray(padded[:, : size[0]]), 96, 96, fit), fitted)


@pytest.mark.parametrize(("file_format", "options"), [("JPEG", {"quality": 95, "subsampling": 0}), ("GIF", {})])
def test_lossy_format_is_decoded_closely(file_format, options):
    image = make_corners(32, 32)
    decoded = pixels.decode_photo(encode(image, file_format, **options), 32, 32, "crop").astype(int)
    assert np.abs(decoded - np.asarray(image).astype(int)).mean() < 4


def test_first_frame_of_gif_is_decoded():
    red, blue = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    data = encode(red, "GIF", save_all=True, append_images=[blue])
    assert pixels.decode_photo(data, 9, 9, "crop")[4, 4].tolist() == RED


def make_half_transparent() -> Image.Image:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    return image


@pytest.mark.parametrize(
    ("image", "left", "right"),
    [
        (make_half_transparent(), WHITE, RED),
        (Image.merge("LA", (Image.new("L", (8, 8), 0), make_half_transparent().getchannel("A"))), WHITE, [0, 0, 0]),
        (Image.new("L", (8, 8), 77), [77] * 3, [77] * 3),
        (Image.new("1", (8, 8), 1), WHITE, WHITE),
        (Image.new("RGB", (8, 8), "red").quantize(4), RED, RED),
        (Image.fromarray(np.full((8, 8), 65535, np.uint16)), WHITE, WHITE),
        (Image.fromarray(np.full((8, 8), 32896, np.uint16)), [128] * 3, [128] * 3),
        (Image.fromarray(np.full((8, 8), 32896, np.int32)), [128] * 3, [128] * 3),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), RED, RED),
        (Image.new("RGB", (8, 8), "blue").convert("YCbCr"), [0, 0, 254], [0, 0, 254]),
    ],
)
def test_colour_mode_is_converted_to_rgb(image, left, right):
    fitted = pixels.fit_image(image, 8, 8, "crop")
    assert fitted.dtype == np.uint8 and fitted.shape == (8, 8, 3)
    assert (fitted[4, 0].tolist(), fitted[4, 7].tolist()) == (left, right)


@pytest.mark.parametrize("big_endian", [False, True])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(big_endian):
    levels = (np.arange(64).reshape(8, 8) * 1040).astype(">u2" if big_endian else "<u2")
    image = Image.frombytes("I;16B" if big_endian else "I;16", (8, 8), levels.tobytes())
    decoded = pixels.decode_photo(encode(image, "TIFF"), 8, 8, "stretch")
    assert np.array_equal(decoded[..., 0], np.rint(levels / 257).astype(np.uint8))


def test_transparent_palette_entry_and_colour_key_become_white():
    keyed = encode(Image.new("RGB", (6, 6), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    palette = encode(Image.new("RGB", (6, 6), "red").quantize(4), "PNG", transparency=bytes([0, 0, 0, 0]))
    assert pixels.decode_photo(keyed, 6, 6, "crop")[3, 3].tolist() == WHITE
    assert pixels.decode_photo(palette, 6, 6, "crop")[3, 3].tolist() == WHITE


@pytest.mark.parametrize(("dtype", "name"), [(np.float32, "F pixels"), (np.int32, "32-bit pixels")])
def test_colour_mode_without_conversion_is_refused(dtype, name):
    data = encode(Image.fromarray(np.full((8, 8), 70000, dtype)), "TIFF")
    with pytest.raises(pixels.PhotoError, match=name):
        pixels.decode_photo(data, 8, 8, "crop")


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
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation, file_format):
    exif = Image.Exif()
    exif[274] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(file_format, {})
    data = encode(make_corners(), file_format, exif=exif, **options)
    decoded = pixels.decode_photo(data, 32, 32, "stretch").astype(int)
    assert np.abs(np.array(read_corners(decoded)) - np.array(UPRIGHT[orientation])).max() < 12
    padded = pixels.decode_photo(data, 32, 32, "pad")
    bar = padded[0, 16] if orientation < 5 else padded[16, 0]
    assert bar.tolist() == [0, 0, 0], "the bars of a photo rotated by 90 degrees are at its sides"


def encode_with_profile(key: str, text: str, *, compress: bool = False) -> bytes:
    """Encode a PNG with a text chunk."""
    chunks = PngInfo()
    chunks.add_text(key, text, zip=compress)
    return encode(make_corners(), "PNG", pnginfo=chunks)


def format_profile(exif: bytes) -> str:
    """Format an EXIF block as ImageMagick does: kind, length, and 36 bytes on each line."""
    lines = [exif[start : start + 36].hex() for start in range(0, len(exif), 36)]
    return "\n".join(["", "exif", f"{len(exif):8}", *lines, ""])


@pytest.mark.parametrize("compress", [False, True], ids=["tEXt", "zTXt"])
@pytest.mark.parametrize("kind", ["exif", "APP1"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_in_the_raw_profile_of_a_png_is_applied(orientation, kind, compress):
    exif = Image.Exif()
    exif[274] = orientation
    data = encode_with_profile(f"Raw profile type {kind}", format_profile(exif.tobytes()), compress=compress)
    decoded = pixels.decode_photo(data, 32, 32, "stretch").astype(int)
    assert np.abs(np.array(read_corners(decoded)) - np.array(UPRIGHT[orientation])).max() < 12


@pytest.mark.parametrize("text", ["", "exif", "\nexif\n 4\nzz", "\nexif\n 4\n4", "\nexif\n 9\n4949", "\0"])
def test_png_with_a_damaged_raw_profile_is_upright(text):
    decoded = pixels.decode_photo(encode_with_profile("Raw profile type exif", text), 32, 32, "stretch").astype(int)
    assert np.abs(np.array(read_corners(decoded)) - np.array(UPRIGHT[1])).max() < 12


@pytest.mark.parametrize(
    "exif",
    [b"", b"Exif\0\0", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x04\0", b"zz"],
)
def test_photo_with_damaged_exif_is_upright_without_a_warning(exif):
    decoded = pixels.decode_photo(encode(make_corners(), "PNG", exif=exif), 32, 32, "stretch")
    assert read_corners(decoded) == UPRIGHT[1]


def test_crop_stretch_and_pad():
    wide = Image.new("RGB", (60, 20), "red")
    wide.paste((0, 0, 255), (20, 0, 40, 20))
    crop, stretch, pad = (pixels.fit_image(wide, 30, 30, fit) for fit in pixels.FITS)
    assert (crop[:, 1:-1] == BLUE).all() and (crop[:, [0, -1], 2] > 200).all()
    assert stretch[15, 1].tolist() == RED and stretch[15, 15].tolist() == BLUE and (stretch != 0).any(axis=2).all()
    assert (pad[:10] == 0).all() and (pad[20:] == 0).all()
    assert pad[15, 15].tolist() == BLUE and pad[15, 1].tolist() == RED


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 2), (227, 227), (500, 375)])
@pytest.mark.parametrize("fit", pixels.FITS)
@pytest.mark.parametrize("shape", [(17, 17), (96, 128), (7, 300)])
def test_photo_of_any_size_is_fitted(size, fit, shape):
    fitted = pixels.decode_photo(encode(Image.new("RGB", size, "white"), "JPEG"), *shape, fit)
    assert fitted.shape == (*shape, 3)
    # Only "pad" adds anything to a white photo, and only where its shape is another one.
    assert (fitted == 255).all() == (fit != "pad" or size[0] * shape[0] == size[1] * shape[1])


def test_resize_is_the_antialiased_triangle_filter():
    noise = make_noise(50, 50)
    centres = (np.arange(20) + 0.5) * 2.5
    weights = np.maximum(0, 1 - np.abs(np.arange(50) + 0.5 - centres[:, None]) / 2.5)
    weights /= weights.sum(axis=1, keepdims=True)
    expected = np.einsum("ay,yxc,bx->abc", weights, np.asarray(noise).astype(float), weights)
    # Pillow rounds after each axis.
    assert np.abs(pixels.fit_image(noise, 20, 20, "stretch") - expected).max() <= 1.01


# A photo of each shape: wider, as wide, and narrower than the result.
SHAPES = [((60, 20), (12, 16)), ((40, 30), (12, 16)), ((30, 50), (12, 16)), ((50, 30), (20, 8)), ((16, 40), (20, 8))]


def fit_by_definition(photo: Image.Image, height: int, width: int, fit: str) -> np.ndarray:
    """Compute what a fit is defined as, in float64 and without Pillow: float64 [height, width, 3]."""
    array = np.asarray(photo).astype(float)
    rows, columns = array.shape[:2]
    scales = {"crop": (min(rows / height, columns / width),) * 2, "stretch": (rows / height, columns / width)}
    row_scale, column_scale = scales.get(fit, (max(rows / height, columns / width),) * 2)
    # Of a padded photo, this is the part of the result that the photo fills.
    filled = (round(rows / row_scale), round(columns / column_scale)) if fit == "pad" else (height, width)
    if fit == "pad":
        row_scale, column_scale = rows / filled[0], columns / filled[1]

    def make_weights(length: int, count: int, scale: float) -> np.ndarray:
        centres = length / 2 + (np.arange(count) + 0.5 - count / 2) * scale
        distances = np.abs(np.arange(length) + 0.5 - centres[:, None]) / max(scale, 1)
        triangle = np.maximum(0, 1 - distances)
        return triangle / triangle.sum(axis=1, keepdims=True)

    down, across = make_weights(rows, filled[0], row_scale), make_weights(columns, filled[1], column_scale)
    result = np.zeros((height, width, 3))
    top, left = (height - filled[0]) // 2, (width - filled[1]) // 2
    result[top : top + filled[0], left : left + filled[1]] = np.einsum("ay,yxc,bx->abc", down, array, across)
    return result


@pytest.mark.parametrize(("size", "shape"), SHAPES)
@pytest.mark.parametrize("fit", pixels.FITS)
def test_fit_to_a_rectangle_is_what_it_is_defined_as(size, shape, fit):
    photo = make_noise(*size)
    fitted = pixels.fit_image(photo, *shape, fit)
    assert fitted.shape == (*shape, 3) and fitted.dtype == np.uint8
    # Pillow rounds after each axis.
    assert np.abs(fitted - fit_by_definition(photo, *shape, fit)).max() <= 1.01


def test_longer_axis_is_resized_first():
    """Pillow 13 resizes the rows of 192x256 → 160x160 first, older versions the columns."""
    tall = make_noise(192, 256)
    by_hand = tall.resize((192, 160), Image.Resampling.BILINEAR).resize((160, 160), Image.Resampling.BILINEAR)
    assert np.array_equal(pixels.fit_image(tall, 160, 160, "stretch"), np.asarray(by_hand))


@pytest.mark.parametrize("size", [(400, 300), (900, 1500), (2049, 1777), (3200, 1000)])
@pytest.mark.parametrize("side_px", [96, 200, 331])
def test_large_jpeg_is_reduced_as_far_as_its_size_allows(size, side_px):
    data = encode(Image.new("RGB", size, "white"), "JPEG")
    factor = pixels.choose_reduction(pixels.open_image(data), side_px)
    image = pixels.decode_image(pixels.open_image(data), side_px)
    assert image.size == tuple(-(-length // factor) for length in size)
    assert min(image.size) >= max(side_px, pixels.FLOOR_PX) or factor == 1
    assert factor == 8 or min(size) // (2 * factor) < max(side_px, pixels.FLOOR_PX)


def test_reduced_jpeg_is_close_to_the_full_one():
    data = encode(make_noise(16, 12).resize((1600, 1200)), "JPEG", quality=95)
    for fit in pixels.FITS:
        full = pixels.fit_image(Image.open(io.BytesIO(data)).convert("RGB"), 96, 96, fit).astype(int)
        assert np.abs(pixels.decode_photo(data, 96, 96, fit) - full).max() <= 6


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_photo_is_reduced_by_the_longer_side_of_the_result(orientation):
    """Its own longer side may be the other one, until the orientation is applied."""
    exif = Image.Exif()
    exif[274] = orientation
    data = encode(Image.new("RGB", (1700, 800), "white"), "JPEG", exif=exif.tobytes())
    assert pixels.choose_reduction(pixels.open_image(data), 400) == 2
    for shape in ((100, 400), (400, 100)):
        assert pixels.decode_photo(data, *shape, "crop").shape == (*shape, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am a list of things", "not a photo (text?)"),
        (bytes(range(200, 256)), "not a photo"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "HEIC, AVIF or video: convert to JPEG"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a photo"),
    ],
)
def test_content_that_is_no_photo_is_described(data, reason):
    with pytest.raises(pixels.PhotoError) as error:
        pixels.decode_photo(data, 8, 8, "crop")
    assert str(error.value) == reason


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "TIFF"])
def test_decompression_bomb_is_refused_before_decoding(file_format):
    image = Image.new("1" if file_format != "GIF" else "P", (10000, 9001))
    data = encode(image, file_format, **({"compression": "group4"} if file_format == "TIFF" else {}))
    with pytest.raises(pixels.PhotoError, match="90 megapixels: over the limit of 89"):
        pixels.decode_photo(data, 8, 8, "crop")


def test_pixel_limit_of_pillow_is_not_used(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for file_format in ("JPEG", "PNG", "BMP", "GIF"):
        assert pixels.decode_photo(encode(make_corners(), file_format), 8, 8, "crop").shape == (8, 8, 3)


def test_file_over_the_limit_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encode(make_corners(), "PNG"))
    assert pixels.load_photo(tmp_path / "a.png", 8, 8, "crop").shape == (8, 8, 3)
    monkeypatch.setattr(pixels, "MAX_BYTES", 50)
    with pytest.raises(pixels.PhotoError, match="over the limit"):
        pixels.load_photo(str(tmp_path / "a.png"), 8, 8, "crop")


def test_unreadable_file_is_a_photo_error(tmp_path):
    with pytest.raises(pixels.PhotoError, match="cannot be read: No such file"):
        pixels.load_photo(tmp_path / "none.png", 8, 8, "crop")
    with pytest.raises(pixels.PhotoError, match="cannot be read"):
        pixels.load_photo(tmp_path, 8, 8, "crop")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_file_is_refused_whatever_the_switch_of_pillow(file_format, lenient, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    data = encode(make_noise(200, 200), file_format)
    with pytest.raises(pixels.PhotoError, match="truncated"):
        pixels.decode_photo(data[: len(data) // 2], 8, 8, "crop")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient, "the switch is not restored"


def test_invalid_argument_is_a_value_error_and_no_photo_error():
    for height_px, width_px, fit in ((8, 8, "cover"), (0, 8, "crop"), (8, 0, "crop")):
        with pytest.raises(ValueError) as error:
            pixels.decode_photo(encode(make_corners(), "PNG"), height_px, width_px, fit)
        assert not isinstance(error.value, pixels.PhotoError)


def make_valid_files() -> list[bytes]:
    generator = np.random.default_rng(4)
    base = Image.fromarray(np.kron(generator.integers(0, 255, (4, 5, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[274], exif[271], exif[282] = 6, "maker", 72.0
    deep = Image.fromarray(generator.integers(0, 65535, (20, 20)).astype(np.uint16))
    return [
        encode(base, "JPEG", exif=exif),
        encode(base, "JPEG", progressive=True),
        encode(base.convert("CMYK"), "JPEG"),
        encode(base, "PNG", exif=exif),
        encode(base.quantize(16), "PNG", transparency=bytes([0, 100, 255])),
        encode(deep, "PNG"),
        encode(base, "GIF", save_all=True, append_images=[base.rotate(90)]),
        encode(base, "BMP"),
        encode(base.quantize(16), "BMP"),
        encode(base, "WEBP", exif=exif),
        encode(base.convert("RGBA"), "WEBP", lossless=True),
        encode(base, "TIFF", exif=exif),
        encode(base, "TIFF", compression="tiff_lzw"),
        encode(base, "TIFF", compression="jpeg"),
        encode(base, "TIFF", compression="packbits"),
        encode(deep, "TIFF"),
    ]


def damage(data: bytes, generator: random.Random) -> bytes:
    """Truncate the content, or replace some of its bytes, often in the header."""
    if generator.random() < 0.3:
        return data[: generator.randrange(len(data))]
    damaged = bytearray(data)
    end = generator.choice((len(data), min(len(data), 200)))
    for _ in range(generator.choice((1, 1, 2, 5, 20))):
        damaged[generator.randrange(end)] = generator.choice((0, 255, generator.randrange(256)))
    return bytes(damaged)


@pytest.mark.filterwarnings("default::UserWarning:PIL.*")  # Pillow warns of damaged TIFF tags.
def test_damaged_file_gives_pixels_or_a_photo_error_and_nothing_else(recwarn):
    generator = random.Random(3)
    decoded = refused = 0
    for data in make_valid_files():
        for _ in range(150):
            try:
                photo = pixels.decode_photo(damage(data, generator), 24, 24, generator.choice(pixels.FITS))
                assert photo.shape == (24, 24, 3)
                decoded += 1
            except pixels.PhotoError as error:
                assert 0 < len(str(error)) < 60
                refused += 1
    assert decoded > 300 and refused > 1000, (decoded, refused)


def test_damaged_tiff_is_a_photo_error_where_warnings_are_errors():
    exif = Image.Exif()
    exif[271], exif[272] = "maker of cameras", "model of a camera"
    data = bytearray(encode(make_corners(), "TIFF", exif=exif))
    # The offset of tag 271 now points beyond the end of the file.
    offset = data.index(b"\x0f\x01\x02\x00") + 8
    data[offset : offset + 4] = b"\xff\xff\xff\x7f"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(pixels.PhotoError):
            pixels.decode_photo(bytes(data), 8, 8, "crop")


def test_file_runs_on_a_device_without_edgetl(tmp_path):
    """It is valid in Python 3.9, and imports only the standard library, numpy and Pillow."""
    source = Path(pixels.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 9))
    (tmp_path / "pixels.py").write_text(source)
    (tmp_path / "a.jpg").write_bytes(encode(make_corners(), "JPEG"))
    program = (
        "import pixels, sys; print(pixels.load_photo('a.jpg', 8, 8, 'pad').shape, "
        "any('edgetl' in m for m in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.split(") ") == ["(8, 8, 3", "False\n"]
