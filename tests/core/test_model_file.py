"""census.py: one record for all formats."""

import dataclasses

import pytest

from edgetl.core.model_file import ModelSummary
from edgetl.core.records import TensorSpec


def test_a_census_is_frozen():
    end = TensorSpec(name="image", shape=(1, 8, 8, 3), dtype="uint8", scale=0.0, zero_point=0)
    census = ModelSummary(input=end, output=end, operators={"Conv": 2}, tensor_dtypes={"uint8": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        census.input = end
