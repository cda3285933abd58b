"""error_origin.py: the library that raised an exception, or edgetl."""

import json

import numpy as np
import pytest

from edgetl.core.run.error_origin import find_library
from edgetl.core.storage.files import parse_json


def catch(function):
    with pytest.raises(Exception) as caught:
        function()
    return caught.value


def test_an_exception_of_a_library_is_that_of_the_library():
    assert find_library(catch(lambda: np.linalg.inv(np.zeros((2, 3))))) == "numpy"


def test_an_exception_of_edgetl_is_that_of_no_library():
    assert find_library(catch(lambda: parse_json(b"{"))) == ""


def test_an_exception_of_the_standard_library_is_that_of_no_library():
    assert find_library(catch(lambda: json.loads("{"))) == ""


def test_an_exception_without_a_traceback_is_that_of_no_library():
    assert find_library(ValueError("x")) == ""
