"""What the stages that inspect photos get."""

from dataclasses import dataclass

from edgetl.core.recipe.tables import BaseRecipe
from edgetl.core.records import Dataset, InputSpec, Scores


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectionRequest:
    """What is inspected.

    Attributes:
        dataset: photos of all parts, one class each.
        groups: the group of each photo, in the order of `list_all_photos`.
        input_spec: input of the model.
        base: the frozen base.
    """

    dataset: Dataset
    groups: tuple[int, ...]
    input_spec: InputSpec
    base: BaseRecipe


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingsRequest:
    """Photos of a build, which are inspected without training more.

    Attributes:
        dataset: photos of all parts.
        groups: the group of each photo, in the order of `list_all_photos`.
        input_spec: input of the model.
        scores: of the Keras model, for the validation and the test photos.
    """

    dataset: Dataset
    groups: tuple[int, ...]
    input_spec: InputSpec
    scores: tuple[Scores, Scores]
