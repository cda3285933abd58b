"""order.py: what was asked for survives its file; a folder that is no run is said to be none."""

import shutil

import pytest

from edgetl.core.device import target_search, targets
from edgetl.core.errors import ConfigError
from edgetl.pipeline.order import Order


def test_an_order_survives_its_json(order, tmp_path):
    both = (targets.find_target("raspberry-pi-4"), targets.find_target("tflite"))
    pinned = Order(photos=None, targets=both, recipe=order.recipe, method="int8", all_methods=True)
    pinned.save(tmp_path)
    assert Order.of(tmp_path) == pinned


def test_targets_of_edgetls_own_are_found_wherever_it_is_installed(order, tmp_path, monkeypatch):
    order.save(tmp_path)
    elsewhere = shutil.copytree(target_search.locate_shipped_targets(), tmp_path / "elsewhere")
    monkeypatch.setattr(target_search, "locate_shipped_targets", lambda: elsewhere)
    assert Order.of(tmp_path).target().source.is_relative_to(elsewhere)


def test_the_one_target_needs_no_name(order):
    assert order.target().id == order.target("tflite").id == "tflite"
    with pytest.raises(ConfigError, match="not built for target 'onnx'") as caught:
        order.target("onnx")
    assert caught.value.hint == "it was built for tflite"


def test_of_several_targets_one_is_named(order):
    both = Order(photos=None, targets=(*order.targets, targets.find_target("raspberry-pi-4")), recipe=order.recipe)
    assert both.target("raspberry-pi-4").id == "raspberry-pi-4"
    with pytest.raises(ConfigError, match="several targets: tflite, raspberry-pi-4") as caught:
        both.target()
    assert "--target tflite" in caught.value.hint


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"photos": 3}', '{"photos": "", "targets": []}'])
def test_a_folder_that_is_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "order.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        Order.of(tmp_path)
    assert caught.value.hint == "give the folder that edgetl build wrote"
