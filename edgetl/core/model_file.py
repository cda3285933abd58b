"""What is read from a model file and what is written into it, the same for every format."""

from dataclasses import dataclass

from edgetl.core.records import InputSpec, TensorSpec

# Names of the input and the outputs of exported models.
INPUT, OUTPUT, FEATURES = "image", "scores", "features"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSummary:
    """Content of a model file.

    Attributes:
        input: the input tensor.
        output: the output tensor.
        operators: operator type → number of operators.
        tensor_dtypes: dtype → number of tensors.
    """

    input: TensorSpec
    output: TensorSpec
    operators: dict[str, int]
    tensor_dtypes: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMetadata:
    """Metadata that is written into a model file.

    Attributes:
        classes: class names, in the order of the outputs.
        input: input of the model.
    """

    classes: tuple[str, ...]
    input: InputSpec
