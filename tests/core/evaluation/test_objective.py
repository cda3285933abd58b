"""objective.py: the values of --prefer."""

from typing import get_args

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.evaluation.objective import OBJECTIVES, Objective, find_objective


def test_every_objective_has_a_description():
    assert set(OBJECTIVES) == set(get_args(Objective)) and all(OBJECTIVES.values())
    assert [find_objective(name) for name in OBJECTIVES] == list(OBJECTIVES)


def test_misspelt_objective_gets_a_suggestion():
    with pytest.raises(ConfigError, match="unknown --prefer 'latencie'") as caught:
        find_objective("latencie")
    assert caught.value.hint == "did you mean latency or balanced?"
