"""order.py: what was asked for survives its file; a folder that is no run is said to be none."""

import pytest

from edgetl.core import targets
from edgetl.core.errors import ConfigError
from edgetl.order import Order


def test_an_order_survives_its_json(order, tmp_path):
    pinned = Order(photos=None, target=targets.find("tflite"), recipe=order.recipe, method="int8", all_methods=True)
    pinned.save(tmp_path)
    assert Order.of(tmp_path) == pinned


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"photos": 3}'])
def test_a_folder_that_is_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "order.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        Order.of(tmp_path)
    assert caught.value.hint == "give the folder that edgetl build wrote"
