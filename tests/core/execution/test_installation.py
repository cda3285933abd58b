"""installation.py: a machine with other code or libraries is refused, with what differs."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.execution.installation import check_installation, describe_installation


def test_same_installation_is_accepted():
    check_installation(describe_installation())


@pytest.mark.parametrize("name", ["the code of edgetl", "keras", "python"])
def test_difference_is_named(name):
    expected = {**describe_installation(), name: "0.0.1"}
    with pytest.raises(ConfigError, match="has other packages than the machine that gives it tasks") as error:
        check_installation(expected)
    (place,) = error.value.where
    assert place.startswith(f"{name}: ") and place.endswith("and 0.0.1 there")


def test_code_is_described_by_a_hash():
    assert len(describe_installation()["the code of edgetl"]) == 12
