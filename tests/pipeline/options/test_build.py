"""build.py: the groups of the commands are made of the same smaller groups."""

from edgetl.pipeline.options.build import BuildOptions, RecipeOptions, TrainOptions
from edgetl.pipeline.options.option import list_options


def list_names(group) -> set[str]:
    return {name for name, _, _, _ in list_options(group)}


def test_build_has_the_options_of_train_and_recipe():
    assert list_names(TrainOptions) < list_names(BuildOptions)
    assert list_names(RecipeOptions) < list_names(BuildOptions)


def test_train_has_no_options_of_targets():
    assert not list_names(TrainOptions) & {"target", "method", "limit_drop", "prefer"}
