"""The inventory: a text file with one device a line."""

import pytest

from edgetl.core.device.fleet import join_devices, read_inventory
from edgetl.core.errors import ConfigError


def test_names_are_read_without_comments_and_empty_lines(tmp_path):
    path = tmp_path / "boards.txt"
    path.write_text("\ufeff# the greenhouse\npi@a\n\n  pi@b  # by the door\r\nkitchen\n", encoding="utf-8")
    assert read_inventory(path) == ("pi@a", "pi@b", "kitchen")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "lists no device"), ("# pi@a\n", "lists no device"), ("pi@a\npi@b 22\n", "line 2 .* 2 words")],
)
def test_file_without_names_is_refused(tmp_path, text, message):
    path = tmp_path / "boards.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_inventory(path)
    assert caught.value.where == (str(path),) and "one device a line" in caught.value.hint


def test_absent_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the inventory cannot be read"):
        read_inventory(tmp_path / "absent.txt")


def test_devices_of_options_and_inventory_are_joined(tmp_path):
    path = tmp_path / "boards.txt"
    path.write_text("pi@b\npi@a\n")
    assert join_devices(("pi@a", "pi@c"), path) == ("pi@a", "pi@c", "pi@b")
    assert join_devices(("pi@a", "pi@a"), None) == ("pi@a",) and join_devices((), None) == ()
