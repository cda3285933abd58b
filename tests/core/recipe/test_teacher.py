"""The teacher of a recipe: what of it decides the training of the student."""

from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.recipe.teacher import TeacherRecipe


def select(**values):
    return resolve_recipe("default", {"teacher": values}).select(TrainingTables)


def test_place_of_a_teacher_is_not_in_the_key_and_its_temperature_is():
    # The model of the teacher is an argument of the stage of its own.
    assert select(source="/a/run").key() == select(source="/b/run").key()
    assert select(source="/a/run", temperature=3.0).key() != select(source="/a/run").key()
    assert select(source="/a/run", weight=0.5).key() != select(source="/a/run").key()


def test_without_a_teacher_its_settings_do_not_matter():
    assert TeacherRecipe(temperature=3.0).key() == TeacherRecipe().key() != TeacherRecipe(source="a").key()
