"""__main__.py: what the child says of the end of a task."""

import numpy as np
import pytest

from edgetl.core.errors import DataError, StageError
from edgetl.core.formats import find_format
from edgetl.engines.conversion.__main__ import describe_error


def catch(function):
    with pytest.raises(Exception) as caught:
        function()
    return caught.value


def fail_in_library():
    try:
        np.linalg.inv(np.zeros((2, 3)))
    except ValueError as error:
        raise StageError("the quantizer failed: not square", hint="a hint") from error


def test_an_exception_of_a_library_is_a_failure_of_the_task():
    kind, value = describe_error(catch(lambda: np.linalg.inv(np.zeros((2, 3)))))
    assert kind == "failure" and value["reason"].startswith("failed: LinAlgError: ") and not value["complete"]


def test_a_sentence_about_an_exception_of_a_library_is_complete():
    assert describe_error(catch(fail_in_library)) == (
        "failure",
        {"reason": "the quantizer failed: not square", "complete": True, "hint": "a hint"},
    )


def test_a_lack_of_memory_is_a_failure_of_the_task():
    assert describe_error(MemoryError())[1]["reason"] == "ran out of memory"


def test_an_error_of_edgetl_is_passed_on():
    assert describe_error(DataError("no photo", where=["a"], hint="b")) == (
        "error",
        ["DataError", "no photo", ["a"], "b"],
    )
    # A check of edgetl, which no exception of a library has caused.
    assert describe_error(StageError("the check failed"))[0] == "error"


def test_an_unexpected_exception_of_edgetl_is_a_defect():
    kind, text = describe_error(catch(lambda: find_format(None)))
    assert kind == "defect" and text.startswith("AttributeError: ")
