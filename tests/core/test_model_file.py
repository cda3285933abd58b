"""census.py: one record for all formats."""

import dataclasses

import pytest

from edgetl.core.model_file import Census
from edgetl.core.records import Tensor


def test_a_census_is_frozen():
    end = Tensor(name="image", shape=(1, 8, 8, 3), dtype="uint8", scale=0.0, zero_point=0)
    census = Census(input=end, output=end, operators={"Conv": 2}, tensor_dtypes={"uint8": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        census.input = end
