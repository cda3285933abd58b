"""The table of judges, and what is missing for one on this machine."""

from typing import get_args

import pytest

from edgetl.core.device.judges import JUDGES, require_module
from edgetl.core.formats import FORMATS, JudgeName


def test_every_name_has_a_row_with_its_name():
    assert list(JUDGES) == list(get_args(JudgeName))
    assert [row.name for row in JUDGES.values()] == list(JUDGES)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=lambda judge: judge.name)
def test_a_judge_runs_a_known_format_and_says_how_it_is_installed(judge):
    assert judge.formats and {*judge.formats} <= FORMATS.keys()
    assert judge.install and judge.title


def test_a_module_that_is_installed_is_not_missing():
    assert require_module("numpy", "numpy")() == ""
    assert require_module("no_such_module", "no-such-package")() == "no-such-package is not installed"
