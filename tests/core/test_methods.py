"""methods.py: the table says what is true of each method, and a misspelt name stops."""

import pytest

from edgetl.core import methods
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError

BITS = {"float32": 32, "float16": 16, "int8": 8}
SAID = {32: "as they are", 16: "half the size", 8: "a quarter of the size"}


def test_names_are_keys():
    assert [row.name for row in methods.METHODS.values()] == list(methods.METHODS)
    assert list(methods.METHODS) == [
        "float32",
        "float16",
        "dynamic",
        "int8",
        "int8_more",
        "mixed8",
        "int8_u8s8",
        "int16x8",
        "qat8",
        "prune",
        "prune8",
        "cluster",
        "cluster8",
    ]


@pytest.mark.parametrize("row", methods.METHODS.values(), ids=lambda row: row.name)
def test_a_row_is_consistent(row):
    # Only fixed activation ranges need photos; and an integer activation has a fixed range.
    assert row.calibrated == (row.activations != "float32")
    assert set(row.formats) <= {"tflite", "onnx"} and row.formats
    assert row.summary and "\n" not in row.summary
    assert (
        SAID[BITS[row.weights]] in row.summary
        or row.retraining
        or row.name in {"int16x8", "int8_more", "int8_u8s8", "mixed8"}
    )


def test_what_comes_out_of_shared_ranges():
    assert [row.name for row in methods.METHODS.values() if row.uses_shared_ranges] == [
        "int8",
        "int8_more",
        "mixed8",
        "int8_u8s8",
    ]


def test_what_is_trained_once_more():
    again = {row.name: row.retraining for row in methods.METHODS.values() if row.retraining}
    assert again == {"qat8": "qat", "prune": "prune", "prune8": "prune", "cluster": "cluster", "cluster8": "cluster"}
    for name in ("qat8", "prune8", "cluster8"):
        row = methods.find_method(name)
        assert (row.weights, row.activations) == ("int8", "int8")


def test_find():
    assert methods.find_method("int8").activations == "int8"
    assert methods.find_method("int16x8").activations == "int16"
    with pytest.raises(ConfigError, match="unknown method 'int88'") as caught:
        methods.find_method("int88")
    assert "int8" in caught.value.hint


def test_a_flight_is_one_row_and_many_methods():
    four = methods.find_method("mixed8-4")
    assert (four.name, four.float_layers, four.activations) == ("mixed8-4", 4, "int8")
    assert (
        methods.find_family("mixed8-4") == "mixed8" == methods.find_family("mixed8")
        and methods.find_family("int8") == "int8"
    )
    for name in ("mixed8-0", "mixed8-", "mixed8-04", "int8-4", "mixed8--1"):
        with pytest.raises(ConfigError, match="unknown method"):
            methods.find_family(name)


def test_every_shipped_target_accepts_only_what_its_formats_allow():
    for target in targets.list_targets():
        for name in target.accepts.methods:
            assert set(methods.find_method(name).formats) & set(target.accepts.formats), (target.id, name)
