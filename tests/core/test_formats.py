"""formats.py: the table is whole, and the files that it names can be made and run."""

from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest

from edgetl.core import formats
from edgetl.core.errors import ConfigError
from edgetl.core.formats import FORMATS, FormatName, KernelSet
from edgetl.core.methods import METHODS


def test_every_format_and_all_kernels_are_there():
    assert set(FORMATS) == set(get_args(FormatName)) and all(name == row.name for name, row in FORMATS.items())
    assert {row.fast_kernels for row in FORMATS.values()} | {"reference"} == set(get_args(KernelSet))


def test_the_packages_it_names_are_installed():
    for row in FORMATS.values():
        assert all(version(package) for package in (row.runtime_package, *row.converter_packages))


def test_every_method_makes_a_known_format():
    assert all(method.formats and set(method.formats) <= set(FORMATS) for method in METHODS.values())


def test_a_file_has_the_format_of_its_name():
    assert (
        formats.find_format(Path("a.b/model.tflite")) is FORMATS["tflite"]
        and formats.find_format(Path("M.ONNX")) is FORMATS["onnx"]
    )
    for name in ("model", "model.keras", "tflite", ".onnx"):
        with pytest.raises(ConfigError, match=r"does not end in \.tflite or \.onnx"):
            formats.find_format(Path(name))


def test_what_plain_kernels_can_do_in_some_time(monkeypatch):
    monkeypatch.setattr("edgetl.core.machine.count_cores", lambda: 2)
    form = FORMATS["tflite"]
    assert form.count_affordable_photos(10, 4.0, accelerated=True) == 10 * 1000 * 2 / (50 * 4)
    assert form.count_affordable_photos(10, 4.0, accelerated=False) == 10 * 1000 * 2 / 4
    assert (
        form.count_affordable_photos(0, 4.0, accelerated=True) == 1
        and form.count_affordable_photos(1, 0.0, accelerated=True) > 1000
    )
