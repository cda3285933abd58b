"""training.py: options of the training that are not set leave the recipe as it is."""

import pytest

from edgetl.core.recipe.tables import Recipe
from edgetl.pipeline.options.option import list_options
from edgetl.pipeline.options.training import RetrainOptions, TrainingOptions


@pytest.mark.parametrize("group", [TrainingOptions, RetrainOptions])
def test_options_set_existing_recipe_values(group):
    values = [option.sets for _, _, option, _ in list_options(group) if option.sets]
    assert values and all(key in Recipe.model_fields[table].annotation.model_fields for table, key in values)
