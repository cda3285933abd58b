"""compose_labels.py: the list says what is on each composed photo."""

import csv

from PIL import Image

from edgetl.core.photos.photo_folder import scan_photos
from tools.compose_labels import compose_photos


def test_composed_photos_are_read_with_their_labels(tmp_path):
    for name, colour in (("red", (200, 0, 0)), ("green", (0, 200, 0)), ("blue", (0, 0, 200))):
        (tmp_path / "plain" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (50, 40), colour).save(tmp_path / "plain" / name / f"{number}.jpg")
    out = compose_photos(tmp_path / "plain", tmp_path / "several", 16)
    with (out / "_classes.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["filename", "blue", "green", "red"] and len(rows) == 16
    assert sorted(sum(map(int, row[1:])) for row in rows) == [0] * 2 + [1] * 6 + [2] * 8
    name, *labels = rows[0]
    with Image.open(out / name) as image:
        halves = [max(range(3), key=image.getpixel((x, 100)).__getitem__) for x in (60, 180)]
    # Channels are red, green, blue; columns are sorted by name.
    assert {2 - channel for channel in halves} == {index for index, value in enumerate(labels) if value == "1"}
    assert scan_photos(out, multi_label=True).states_all_labels
