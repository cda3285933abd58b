"""An order survives its file. A folder that is not a run folder is an error."""

import dataclasses
import json
import shutil

import pytest

from edgetl.core.device import target_search, targets
from edgetl.core.errors import ConfigError
from edgetl.pipeline.order import Order, has_order, load_order, save_order
from tests.fixtures.special_files import SPECIAL_FILES, make_special


def test_order_is_read_back_from_its_file(plain_order, tmp_path):
    order = Order(
        photos=None,
        targets=(targets.find_target("raspberry-pi-4"), targets.find_target("tflite")),
        recipe=plain_order.recipe,
        method="int8",
        all_methods=True,
        prefer="bytes",
        test=tmp_path / "test",
        exclude=tmp_path / "suspects.csv",
        cross_fit=5,
        foreign=tmp_path / "other things",
    )
    assert not has_order(tmp_path)
    save_order(order, tmp_path)
    assert has_order(tmp_path) and load_order(tmp_path) == order


def test_shipped_targets_are_found_in_another_installation(plain_order, tmp_path, monkeypatch):
    save_order(plain_order, tmp_path)
    elsewhere = shutil.copytree(target_search.locate_shipped_targets(), tmp_path / "elsewhere")
    monkeypatch.setattr(target_search, "locate_shipped_targets", lambda: elsewhere)
    assert load_order(tmp_path).find_target().source.is_relative_to(elsewhere)


def test_target_of_the_user_is_found_in_its_folder(plain_order, tmp_path):
    folder = tmp_path / "targets" / "mine"
    folder.mkdir(parents=True)
    (folder / "target.toml").write_text('schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "mine"\n')
    mine = targets.find_target("mine", [folder.parent])
    save_order(dataclasses.replace(plain_order, targets=(mine,)), tmp_path)
    assert load_order(tmp_path).find_target().source == mine.source


def test_photos_at_a_url_are_named_by_it(plain_order, tmp_path):
    order = dataclasses.replace(plain_order, photos=tmp_path / "mirror", source="s3://bucket/flowers")
    assert order.name_photos(tmp_path / "mirror") == "s3://bucket/flowers"
    assert order.name_photos(tmp_path / "mirror" / "test") == "s3://bucket/flowers/test"
    for place in (tmp_path / "mirror-2", tmp_path, "daisy"):
        assert order.name_photos(place) == str(place)
    assert plain_order.name_photos(plain_order.photos) == str(plain_order.photos)


def test_only_target_needs_no_name(plain_order):
    assert plain_order.find_target().id == plain_order.find_target("tflite").id == "tflite"
    with pytest.raises(ConfigError, match="not built for target 'onnx'") as caught:
        plain_order.find_target("onnx")
    assert caught.value.hint == "it was built for tflite"


def test_one_of_several_targets_must_be_named(plain_order):
    several = (*plain_order.targets, targets.find_target("raspberry-pi-4"))
    order = dataclasses.replace(plain_order, targets=several)
    assert order.find_target("raspberry-pi-4").id == "raspberry-pi-4"
    with pytest.raises(ConfigError, match="several targets: tflite, raspberry-pi-4") as caught:
        order.find_target()
    assert "--target tflite" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("photos", 3),
        ("photos", {"a": 1}),
        ("photos", "a\0b"),
        ("targets", [3]),
        ("targets", ["tflite"]),
        ("targets", [{"id": ["tflite"], "folder": ""}]),
        ("targets", [{"id": "tflite", "folder": "a\0b"}]),
        ("targets", {"id": "tflite"}),
        ("recipe", []),
        ("recipe", {"base": 3}),
        ("method", {}),
        ("all_methods", "yes"),
    ],
)
def test_order_with_a_value_of_another_type_is_refused(plain_order, tmp_path, key, wrong):
    save_order(plain_order, tmp_path)
    path = tmp_path / "order.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: wrong}))
    with pytest.raises(ConfigError) as caught:
        load_order(tmp_path)
    assert str(path) in caught.value.where or key == "targets"


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_instead_of_an_order_is_refused(tmp_path, kind):
    special, path = make_special(kind, tmp_path), tmp_path / "order.json"
    path.symlink_to(special) if kind == "zero" else special.rename(path)
    with pytest.raises(ConfigError, match="the file cannot be read: it is a"):
        load_order(tmp_path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"photos": "", "targets": ' + "[" * 5000 + "]" * 5000 + "}"])
def test_deep_order_is_refused(tmp_path, content):
    (tmp_path / "order.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_order(tmp_path)
    assert caught.value.hint == "give the folder that edgetl build wrote"


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"photos": 3}', '{"photos": "", "targets": []}'])
def test_folder_without_a_valid_order_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "order.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_order(tmp_path)
    assert caught.value.hint == "give the folder that edgetl build wrote"
