"""model_file.py: the same frozen records for all formats."""

import dataclasses

import pytest

from edgetl.core.model_file import ModelMetadata, ModelSummary
from edgetl.core.records import InputSpec, TensorSpec


def test_summary_and_metadata_are_frozen():
    tensor = TensorSpec(name="image", shape=(1, 8, 8, 3), dtype="uint8", scale=0.0, zero_point=0)
    summary = ModelSummary(input=tensor, output=tensor, operators={"Conv": 2}, tensor_dtypes={"uint8": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.input = tensor
    metadata = ModelMetadata(classes=("a", "b"), input=InputSpec(height_px=32, width_px=32, fit="crop"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        metadata.classes = ()
