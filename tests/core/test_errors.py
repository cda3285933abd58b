"""errors.py: every error is told in three short parts and ends the program with its own exit code."""

import pytest

from edgetl.core import errors
from edgetl.core.errors import EdgetlError, unknown_name

EXIT_CODES = {"ConfigError": 2, "DataError": 2, "MissingPackage": 2, "StageError": 3, "ContractBroken": 1}


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_exit_codes(name, code):
    kind = getattr(errors, name)
    assert issubclass(kind, EdgetlError)
    assert kind("m").exit_code == code


def test_no_error_is_missing_from_the_tree():
    kinds = {kind.__name__ for kind in EdgetlError.__subclasses__() if kind.__module__.startswith("edgetl.")}
    assert kinds == set(EXIT_CODES)
    for name, code in EXIT_CODES.items():
        line = next(line for line in (errors.__doc__ or "").splitlines() if f"── {name}" in line)
        assert line.endswith(f"exit {code}")


def test_an_unnamed_error_is_our_fault():
    assert EdgetlError("m").exit_code == 3


def test_parts():
    error = EdgetlError("wrong", where=[3, "key"], hint="do this")
    assert (error.message, error.where, error.hint) == ("wrong", ("3", "key"), "do this")
    assert str(error) == "wrong"
    assert (EdgetlError("wrong").where, EdgetlError("wrong").hint) == ((), "")


def test_did_you_mean():
    error = unknown_name("base", "mobilenetv2", ["resnet50", "mobilenet_v2", "mobilenet"])
    assert error.message == "unknown base 'mobilenetv2'"
    assert error.hint == "did you mean mobilenet_v2 or mobilenet?"


def test_nothing_close_lists_what_there_is():
    assert unknown_name("base", "zzz", iter(["b", "a"])).hint == "known: a, b"


def test_at_most_three_are_offered():
    assert unknown_name("x", "abcd", [f"abcd{number}" for number in range(9)]).hint.count(" or ") == 2


def test_what_a_library_said_first():
    assert errors.first_line(ValueError("\n one\ntwo")) == "one"
    assert errors.first_line(RuntimeError()) == "RuntimeError"
