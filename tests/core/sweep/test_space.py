"""Which networks a sweep compares, and how its options are read."""

import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.errors import ConfigError
from edgetl.core.network.bases import find_published_weights, find_shipped_weights
from edgetl.core.sweep.space import (
    SweepCandidate,
    choose_networks,
    choose_sides,
    list_sweep_candidates,
    parse_bytes,
    parse_duration,
    parse_networks,
    parse_sides,
    read_space,
)


def test_every_network_gets_every_side_once():
    candidates = list_sweep_candidates([("mobilenet", 0.25), ("mobilenet", 0.25)], (96, 128))
    assert [candidate.name for candidate in candidates] == ["mobilenet-0.25-96", "mobilenet-0.25-128"]


def test_default_networks_have_the_weights_of_the_recipe():
    for name, alpha in choose_networks("imagenet"):
        find_published_weights(name, alpha)
    assert choose_networks("formula")
    for name, alpha in choose_networks("formula"):
        find_shipped_weights(name, alpha)
    assert choose_networks("none") == choose_networks("imagenet")


def test_a_weights_file_fits_one_network_only():
    with pytest.raises(ConfigError, match="fits one network"):
        choose_networks("mine.h5")


def test_small_boards_get_smaller_sides():
    assert max(choose_sides(find_target("raspberry-pi-zero-2w"))) < max(choose_sides(find_target("raspberry-pi-4")))
    assert choose_sides(find_target("tflite")) == choose_sides(find_target("raspberry-pi-4"))


def test_networks_are_read_with_their_widths():
    assert parse_networks("mobilenet:0.25, mobilenet_v2") == (("mobilenet", 0.25), ("mobilenet_v2", 1.0))


@pytest.mark.parametrize("text", ["mobilenet:wide", "mobilenet:0", "mobilenet:nan", "mobilenett:1", "mobilenet,,", ""])
def test_other_networks_are_refused(text):
    with pytest.raises(ConfigError):
        parse_networks(text)


def test_sides_are_whole_numbers_of_pixels():
    assert parse_sides("96,128") == (96, 128)
    for text in ("96.5", "0", "4096", "x", "96,", "-96", "²"):
        with pytest.raises(ConfigError, match="--sides"):
            parse_sides(text)


def test_space_is_read_from_toml(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('bases = ["mobilenet:0.25"]\nsides = [96, 128]\n', encoding="utf-8")
    assert read_space(path) == (
        SweepCandidate(base="mobilenet", alpha=0.25, side_px=96),
        SweepCandidate(base="mobilenet", alpha=0.25, side_px=128),
    )


@pytest.mark.parametrize("text", ["bases = [", "bases = []", "bases = 1\nsides = 2", 'bases = ["x"]\nsides = [96]'])
def test_other_spaces_are_refused(tmp_path, text):
    path = tmp_path / "space.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_space(path)


@pytest.mark.parametrize(("text", "count"), [("3M", 3_000_000), ("300k", 300_000), ("1.5 MB", 1_500_000), ("42", 42)])
def test_bytes_have_decimal_units(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "3G", "-1", "0", "M"])
def test_other_bytes_are_refused(text):
    with pytest.raises(ConfigError, match="--limit-bytes"):
        parse_bytes(text)


def test_durations_have_a_unit():
    assert (parse_duration("90s"), parse_duration("30m"), parse_duration("1.5h")) == (90, 1800, 5400)
    for text in ("30", "0s", "m", "-1m", "1d"):
        with pytest.raises(ConfigError, match="--budget"):
            parse_duration(text)
