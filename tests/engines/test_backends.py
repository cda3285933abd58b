"""backends.py: every format has a backend with the whole interface."""

import inspect

import pytest

from edgetl.core.formats import FORMATS
from edgetl.engines.backends import BACKENDS, Backend

METHODS = [name for name, _ in inspect.getmembers(Backend, inspect.isfunction) if not name.startswith("_")]


def test_every_format_has_a_backend():
    assert set(BACKENDS) == set(FORMATS)


def test_the_interface_has_eleven_methods():
    assert len(METHODS) == 11


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("method", METHODS)
def test_every_backend_has_every_method_with_the_same_parameters(format_name, method):
    parameters = list(inspect.signature(getattr(Backend, method)).parameters.values())[1:]
    implemented = list(inspect.signature(getattr(BACKENDS[format_name], method)).parameters.values())
    assert [(parameter.name, parameter.annotation) for parameter in implemented] == [
        (parameter.name, parameter.annotation) for parameter in parameters
    ]
