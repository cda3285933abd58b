"""What the stage `inspect` gets: photos with their groups, and the base."""

from dataclasses import dataclass

from edgetl.core.recipe.tables import BaseRecipe
from edgetl.core.records import Dataset, InputSpec


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
