"""errors.py: every error has a message, places and a hint, and ends the program with its own exit code."""

import pytest

from edgetl.core import errors
from edgetl.core.errors import EdgetlError, unknown_name

EXIT_CODES = {
    "ConfigError": 2,
    "DataError": 2,
    "MissingPackage": 2,
    "StageError": 3,
    "InternalError": 3,
    "ContractBroken": 1,
}


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_error_has_its_exit_code(name, code):
    kind = getattr(errors, name)
    assert issubclass(kind, EdgetlError)
    assert kind("m").exit_code == code


def test_module_docstring_lists_every_error_with_its_exit_code():
    kinds = {kind.__name__ for kind in EdgetlError.__subclasses__() if kind.__module__.startswith("edgetl.")}
    assert kinds == set(EXIT_CODES)
    for name, code in EXIT_CODES.items():
        line = next(line for line in (errors.__doc__ or "").splitlines() if f"── {name}" in line)
        assert line.endswith(f"exit {code}")


def test_base_error_has_the_exit_code_of_a_defect():
    assert EdgetlError("m").exit_code == 3


def test_error_stores_message_places_and_hint():
    error = EdgetlError("wrong", where=[3, "key"], hint="do this")
    assert (error.message, error.where, error.hint) == ("wrong", ("3", "key"), "do this")
    assert str(error) == "wrong\n  at 3\n  at key\n  hint: do this"
    assert str(EdgetlError("wrong")) == "wrong"
    assert (EdgetlError("wrong").where, EdgetlError("wrong").hint) == ((), "")


def test_misspelled_name_suggests_similar_names():
    error = unknown_name("base", "mobilenetv2", ["resnet50", "mobilenet_v2", "mobilenet"])
    assert error.message == "unknown base 'mobilenetv2'"
    assert error.hint == "did you mean mobilenet_v2 or mobilenet?"


def test_name_without_similar_names_lists_all_names():
    assert unknown_name("base", "zzz", iter(["b", "a"])).hint == "known: a, b"


def test_at_most_three_names_are_suggested():
    assert unknown_name("x", "abcd", [f"abcd{number}" for number in range(9)]).hint.count(" or ") == 2


def test_first_line_is_that_of_the_message_or_the_class_name():
    assert errors.first_line(ValueError("\n one\ntwo")) == "one"
    assert errors.first_line(RuntimeError()) == "RuntimeError"
    assert errors.first_line(ValueError("x" * 301)) == "x" * 300 + " …"
