"""Arguments of a layer: known ones are selected, others with an effect are errors."""

import pytest

from edgetl.engines.keras.from_keras2.translation import (
    NoCounterpartError,
    Translation,
    read_sublayer,
    select_arguments,
)
from edgetl.engines.keras2_graph import SavedLayer


def make(**config):
    return SavedLayer(name="x", class_name="LeakyReLU", config=config)


def test_arguments_are_selected_and_renamed():
    layer = make(name="x", dtype="mixed_float16", alpha=0.1, axis=1, groups=1)
    assert select_arguments(layer, ("axis",), {"alpha": "negative_slope"}) == {"axis": 1, "negative_slope": 0.1}


def test_unknown_argument_is_an_error_if_it_has_an_effect():
    assert select_arguments(make(stateful=False, time_major=None), ()) == {}
    with pytest.raises(NoCounterpartError, match="stateful=True"):
        select_arguments(make(stateful=True), ())


def test_channels_first_is_an_error():
    with pytest.raises(NoCounterpartError, match="channels_first"):
        select_arguments(make(data_format="channels_first"), ("data_format",))


def test_layers_are_applied_one_after_the_other():
    translation = Translation((lambda x, factor=1: x * factor, lambda x: x + 1))
    assert translation(2, factor=3) == 7 and Translation(())(5) == 5


def test_sublayer_is_read_with_its_weights():
    layer = make(layer={"class_name": "Dense", "config": {"units": 2}})
    inner = read_sublayer(layer, "layer", ())
    assert (inner.name, inner.class_name, inner.config) == ("x", "Dense", {"units": 2})
