"""What is read from a model file and written into it, in the same terms for every format."""

from dataclasses import dataclass

from edgetl.core.records import InputSpec, TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSummary:
    """Input and output of a model file, and the number of its operators and tensors by type and dtype."""

    input: TensorSpec
    output: TensorSpec
    operators: dict[str, int]
    tensor_dtypes: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMetadata:
    """What a model file states about itself: class names in the order of its outputs, and its input."""

    classes: tuple[str, ...]
    input: InputSpec
