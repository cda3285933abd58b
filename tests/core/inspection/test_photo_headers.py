"""Headers of photos, also of damaged and hostile ones."""

from datetime import datetime

import pytest
from PIL import Image

from edgetl.core.inspection.photo_headers import PhotoHeader, parse_camera, read_headers


@pytest.fixture
def exif():
    exif = Image.Exif()
    exif[0x0110] = "Camera 3000"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return exif


def test_header_has_size_camera_and_time(tmp_path, exif):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", exif=exif)
    (header,) = read_headers(tmp_path, ["a.jpg"])
    assert (header.width_px, header.height_px, header.mode) == (60, 40, "RGB")
    assert (header.camera, header.time) == ("Camera 3000", datetime(2024, 5, 6, 7, 8, 9))
    assert header.bytes == (tmp_path / "a.jpg").stat().st_size


@pytest.mark.parametrize(("mode", "name"), [("RGBA", "a.png"), ("L", "a.png"), ("CMYK", "a.jpg"), ("I;16", "a.png")])
def test_header_has_the_channels(tmp_path, mode, name):
    Image.new(mode, (8, 9)).save(tmp_path / name)
    (header,) = read_headers(tmp_path, [name])
    assert header.mode == mode and (header.camera, header.time) == ("", None)


def test_file_that_is_gone_or_no_photo_has_no_size(tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    assert read_headers(tmp_path, ["missing.jpg", "text.jpg"]) == [PhotoHeader(), PhotoHeader(bytes=4)]


def test_file_whose_header_is_at_its_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetl.core.inspection.photo_headers._HEAD_BYTES", 20)
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    assert read_headers(tmp_path, ["a.jpg"])[0].width_px == 60


def test_damaged_exif_has_no_camera(exif):
    block = exif.tobytes().split(b"Exif\0\0", 1)[-1]
    assert parse_camera(block) == "Camera 3000"
    for length in range(len(block)):
        assert "Camera 3000".startswith(parse_camera(block[:length]))
    assert parse_camera(b"") == parse_camera(b"II*\0\xff\xff\xff\xff") == parse_camera(b"XX" * 20) == ""


def test_short_camera_name_is_in_the_entry():
    exif = Image.Exif()
    exif[0x0110] = "X1"
    assert parse_camera(exif.tobytes().split(b"Exif\0\0", 1)[-1]) == "X1"
