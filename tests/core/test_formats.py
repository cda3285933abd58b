"""formats.py: the table is whole, and the files that it names can be made and run."""

from importlib.metadata import version
from typing import get_args

from edgetl.core.formats import FORMATS, FormatName, Kernels
from edgetl.core.methods import METHODS


def test_every_format_and_all_kernels_are_there():
    assert set(FORMATS) == set(get_args(FormatName)) and all(name == row.name for name, row in FORMATS.items())
    assert {row.fast for row in FORMATS.values()} | {"reference"} == set(get_args(Kernels))


def test_the_packages_it_names_are_installed():
    for row in FORMATS.values():
        assert all(version(package) for package in (row.package, *row.makers))


def test_every_method_makes_a_known_format():
    assert all(method.formats and set(method.formats) <= set(FORMATS) for method in METHODS.values())
