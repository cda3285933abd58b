"""formats.py: every format has a row, and its files can be written and run here."""

from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest

from edgetl.core.device.judges import JUDGES
from edgetl.core.errors import ConfigError
from edgetl.core.formats import FORMATS, FormatName, KernelSet, find_format
from edgetl.core.methods import METHODS


def test_every_format_and_kernel_set_is_in_the_table():
    assert set(FORMATS) == set(get_args(FormatName)) and all(name == row.name for name, row in FORMATS.items())
    assert {row.fast_kernels for row in FORMATS.values()} | {"reference", *JUDGES} == set(get_args(KernelSet))


def test_packages_of_the_table_are_installed():
    for row in FORMATS.values():
        assert all(version(package) for package in (row.runtime_package, *row.converter_packages))


def test_every_method_has_a_format_of_the_table():
    assert all(method.formats and set(method.formats) <= set(FORMATS) for method in METHODS.values())


@pytest.mark.parametrize(("name", "format_name"), [("a.b/model.tflite", "tflite"), ("M.ONNX", "onnx")])
def test_format_is_found_by_the_suffix(name, format_name):
    assert find_format(Path(name)) is FORMATS[format_name]


@pytest.mark.parametrize("name", ["model", "model.keras", "tflite", ".onnx"])
def test_unknown_suffix_is_an_error(name):
    with pytest.raises(ConfigError, match=r"does not end in \.tflite or \.onnx") as caught:
        find_format(Path(name))
    assert caught.value.where == (name,)


def test_affordable_photos_follow_budget_latency_and_cores(monkeypatch):
    monkeypatch.setattr("edgetl.core.machine.count_cores", lambda: 2)
    row = FORMATS["tflite"]
    assert row.count_affordable_photos(10, 4.0, accelerated=True) == 10 * 1000 * 2 / (50 * 4)
    assert row.count_affordable_photos(10, 4.0, accelerated=False) == 10 * 1000 * 2 / 4


def test_at_least_one_photo_is_affordable():
    assert FORMATS["tflite"].count_affordable_photos(0, 4.0, accelerated=True) == 1


def test_unmeasured_latency_is_no_division_by_zero(monkeypatch):
    monkeypatch.setattr("edgetl.core.machine.count_cores", lambda: 2)
    assert FORMATS["tflite"].count_affordable_photos(1, 0.0, accelerated=True) == 1000 * 2 / (50 * 0.01)
