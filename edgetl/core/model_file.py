"""What stands in a model file, in the same words for every format: filled by the engine that made the file."""

from dataclasses import dataclass

from edgetl.core.records import TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSummary:
    """The two ends of a model file, and how often each operator and each dtype occurs in it."""

    input: TensorSpec
    output: TensorSpec
    operators: dict[str, int]
    tensor_dtypes: dict[str, int]
