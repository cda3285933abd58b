"""methods.py: the rows of the table are consistent, and a misspelled name is an error."""

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.core.methods import METHODS, find_family, find_method

SUMMARIES = {"float32": "as they are", "float16": "half the size", "int8": "a quarter of the size"}


def test_names_are_the_keys_of_the_table():
    assert [row.name for row in METHODS.values()] == list(METHODS)
    assert list(METHODS) == [
        "float32",
        "float16",
        "dynamic",
        "int8",
        "int8_more",
        "int8_adaround",
        "mixed8",
        "int8_u8s8",
        "int16x8",
        "qat8",
        "prune",
        "prune8",
        "cluster",
        "cluster8",
    ]


@pytest.mark.parametrize("row", METHODS.values(), ids=lambda row: row.name)
def test_row_is_consistent(row):
    # Integer activations have fixed ranges, and fixed ranges need calibration photos.
    assert row.calibrated == (row.activations != "float32")
    assert set(row.formats) <= {"tflite", "onnx"} and row.formats
    assert row.summary and "\n" not in row.summary


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8"])
def test_summary_states_the_size(name):
    assert SUMMARIES[METHODS[name].weights] in METHODS[name].summary


def test_methods_with_shared_ranges():
    assert [row.name for row in METHODS.values() if row.uses_shared_ranges] == [
        "int8",
        "int8_more",
        "int8_adaround",
        "mixed8",
        "int8_u8s8",
    ]


def test_methods_with_retraining():
    retraining = {row.name: row.retraining for row in METHODS.values() if row.retraining}
    assert retraining == {
        "qat8": "qat",
        "prune": "prune",
        "prune8": "prune",
        "cluster": "cluster",
        "cluster8": "cluster",
    }


@pytest.mark.parametrize("name", ["qat8", "prune8", "cluster8"])
def test_methods_with_an_8_are_int8(name):
    assert (METHODS[name].weights, METHODS[name].activations) == ("int8", "int8")


def test_method_is_found_by_its_name():
    assert find_method("int8").activations == "int8"
    assert find_method("int16x8").activations == "int16"


def test_misspelled_method_suggests_similar_names():
    with pytest.raises(ConfigError, match="unknown method 'int88'") as caught:
        find_method("int88")
    assert "int8" in caught.value.hint


def test_variant_of_mixed8_has_its_number_of_float_layers():
    variant = find_method("mixed8-4")
    assert (variant.name, variant.float_layers, variant.activations) == ("mixed8-4", 4, "int8")


def test_family_of_a_variant_is_mixed8_and_of_others_the_method_itself():
    assert find_family("mixed8-4") == "mixed8" == find_family("mixed8")
    assert find_family("int8") == "int8"


def test_mixed8_0_leaves_no_layer_in_float_that_has_an_int8_kernel():
    assert (find_method("mixed8-0").float_layers, find_method("mixed8-0").mixed) == (0, True)
    assert not find_method("int8").mixed and find_method("mixed8-4").mixed


@pytest.mark.parametrize("name", ["mixed8-00", "mixed8-", "mixed8-04", "int8-4", "mixed8--1"])
def test_malformed_variant_is_an_error(name):
    with pytest.raises(ConfigError, match="unknown method"):
        find_family(name)


def test_shipped_targets_accept_only_methods_that_their_formats_have():
    for target in targets.list_targets():
        for name in target.accepts.methods:
            assert set(find_method(name).formats) & set(target.accepts.formats), (target.id, name)
