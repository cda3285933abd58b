"""Operators and the functions that register them."""

import pytest

from edgetl.core.errors import StageError
from edgetl.core.microcontroller.operators import list_registrations


def test_each_operator_is_registered_once():
    assert list_registrations(["SOFTMAX", "CONV_2D", "CONV_2D"]) == ["AddConv2D", "AddSoftmax"]


def test_an_operator_without_kernel_is_an_error():
    with pytest.raises(StageError, match="registers no kernel for GELU, UNIQUE"):
        list_registrations(["UNIQUE", "CONV_2D", "GELU"])
