"""The table of a recipe for the model that teaches the one that is trained."""

from typing import Annotated

from pydantic import Field

from edgetl.core.recipe.recipe_table import RecipeTable


class TeacherRecipe(RecipeTable):
    """The teacher: a larger model, from whose probabilities the trained model learns beside the labels.

    `source` is a base, which is trained first by the same recipe, a run folder, or a .keras file; "" for none. `alpha`
    and `side_px` are those of a base; 0 is the larger one of the side of its weights and that of the trained model. The
    probabilities of both models are softened by `temperature`. `weight` is the share of the teacher in the loss.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """

    source: str = ""
    alpha: Annotated[float, Field(gt=0, le=2)] = 1.0
    side_px: Annotated[int, Field(ge=0, le=1024)] = 0
    temperature: Annotated[float, Field(ge=1, le=20)] = 2.0
    weight: Annotated[float, Field(gt=0, le=1)] = 0.7

    def key(self) -> object:
        """Return what decides the training of the student. Its teacher is an argument of the stage."""
        return (self.temperature, self.weight) if self.source else None
