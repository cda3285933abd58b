"""decoders.py: photos of phones, with their decoders and without."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from edgetl.core.photos import decoders, pixels
from edgetl.core.photos.decoders import DECODERS, MissingDecoder, check_decoder
from edgetl.core.records import InputSpec

WIDE = InputSpec(height_px=24, width_px=32, fit="crop")


def make_photo(width: int = 48, height: int = 32) -> Image.Image:
    """Make a photo whose left half is red and whose right half is blue."""
    photo = Image.new("RGB", (width, height), "red")
    photo.paste((0, 0, 255), (width // 2, 0, width, height))
    return photo


def encode(photo: Image.Image, file_format: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    photo.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["HEIF", "AVIF", "JXL"])
def test_format_is_decoded(file_format):
    data = encode(make_photo(), file_format, quality=95)
    check_decoder(data)
    decoded = pixels.decode_photo(data, 32, 32, "stretch").astype(int)
    assert np.abs(decoded - pixels.fit_image(make_photo(), 32, 32, "stretch").astype(int)).mean() < 6


@pytest.mark.parametrize(("file_format", "rotated"), [("AVIF", True), ("HEIF", True), ("JXL", False)])
def test_orientation_is_applied_once(file_format, rotated):
    """AVIF and HEIC store it in the container. In JPEG XL the copy in EXIF is ignored: readers have rotated already."""
    exif = Image.Exif()
    exif[274] = 6  # To be rotated by 90 degrees clockwise: the left half is then at the top.
    decoded = pixels.decode_photo(encode(make_photo(), file_format, exif=exif.tobytes()), 32, 32, "stretch")
    bottom_left, top_right = decoded[28, 4], decoded[4, 28]
    blue, red = (bottom_left, top_right) if rotated else (top_right, bottom_left)
    assert decoded[4, 4, 0] > 200 and red[0] > 200 > red[2] and blue[2] > 200 > blue[0]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avif", "AVIF"),
        (b"\xff\x0a\x0f", "JPEG XL"),
    ],
)
def test_missing_decoder_is_named_with_its_command(monkeypatch, data, name):
    without = tuple(decoders.Decoder(entry.name, entry.magic, None, entry.command) for entry in DECODERS)
    monkeypatch.setattr(decoders, "DECODERS", without)
    with pytest.raises(MissingDecoder, match=rf"^{name}: pip install .*, or convert to JPEG$"):
        check_decoder(data)


def test_file_of_a_phone_is_loaded(tmp_path):
    (tmp_path / "1.heic").write_bytes(encode(make_photo(), "HEIF", quality=95))
    assert decoders.load_any_format(tmp_path / "1.heic", WIDE).shape == (24, 32, 3)


def test_other_content_needs_no_optional_decoder():
    for data in (b"", b"\xff\xd8\xff", b"\0\0\0\x18ftypmp42", encode(make_photo(), "PNG")):
        check_decoder(data)
