"""capture_times.py: EXIF times of several formats, damaged blocks, and groups without a gap."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos.groups.capture_times import group_by_gap, parse_capture_time, read_capture_times

NOON = datetime(2024, 5, 6, 12)


def make_exif(time: str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 1
    if time:
        exif[0x8769] = {0x9003: time}
    # Only a block that was read can be saved as TIFF.
    loaded = Image.Exif()
    loaded.load(exif.tobytes())
    return loaded


def save(path, time="2024:05:06 12:00:00"):
    Image.new("RGB", (8, 8)).save(path, exif=make_exif(time))
    return path


@pytest.mark.parametrize("name", ["1.jpg", "1.png", "1.webp", "1.tif"])
def test_time_is_read_from_every_format(tmp_path, name):
    save(tmp_path / name)
    assert read_capture_times(tmp_path, [name]) == {name: NOON}


def test_large_photo_has_its_time_too(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8))
    for name in ("1.jpg", "1.webp", "1.tif"):
        noise.save(tmp_path / name, exif=make_exif("2024:05:06 12:00:00"), quality=100)
        assert (tmp_path / name).stat().st_size > 256 * 1024
        assert read_capture_times(tmp_path, [name]) == {name: NOON}


def test_photos_without_a_time_and_other_files_have_none(tmp_path):
    save(tmp_path / "none.jpg", time="")
    save(tmp_path / "zero.jpg", time="0000:00:00 00:00:00")
    save(tmp_path / "text.jpg", time="yesterday")
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    (tmp_path / "damaged.jpg").write_bytes((tmp_path / "none.jpg").read_bytes()[:60])
    (tmp_path / "text.png").write_text("no photo")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    assert read_capture_times(tmp_path, [*(path.name for path in tmp_path.iterdir()), "missing.jpg"]) == {}


def test_no_damage_of_the_block_raises(tmp_path):
    data = save(tmp_path / "1.jpg").read_bytes()
    block = data[data.index(b"Exif\0\0") + 6 :]
    assert parse_capture_time(block) == NOON
    generator = np.random.default_rng(1)
    for _ in range(2000):
        damaged = bytearray(block[:200])
        for place in generator.integers(0, 100, 4):
            damaged[place] = generator.integers(0, 256)
        parse_capture_time(bytes(damaged[: generator.integers(0, 200)]))


def test_groups_end_at_a_gap_and_are_named_by_their_first_time():
    times = {f"{second}": NOON + timedelta(seconds=second) for second in (0, 50, 110, 171, 500)}
    assert group_by_gap(times, 60) == {
        "0": "2024-05-06 12:00:00",
        "50": "2024-05-06 12:00:00",
        "110": "2024-05-06 12:00:00",
        "171": "2024-05-06 12:02:51",
        "500": "2024-05-06 12:08:20",
    }
    assert group_by_gap({}, 60) == {}
