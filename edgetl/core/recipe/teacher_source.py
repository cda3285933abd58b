"""The teacher that a recipe names: whether there is one, and the recipe of a base that teaches."""

from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.network import bases
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.tables import Recipe, TrainingTables
from edgetl.core.recipe.teacher import TeacherRecipe


def make_teacher_recipe(recipe: Recipe) -> TrainingTables:
    """Return the recipe of a base that teaches: that of its student, with another network and without a teacher."""
    row, teacher, student = bases.find_base(recipe.teacher.source), recipe.teacher, recipe.base
    side_px = teacher.side_px or max(row.weights_side_px, student.side_px)
    base = student.model_copy(update={"name": teacher.source, "alpha": teacher.alpha, "side_px": side_px})
    tables = recipe.select(TrainingTables)
    return tables.model_copy(update={"base": base, "teacher": TeacherRecipe()})


def check_teacher_source(recipe: Recipe) -> None:
    """Check that there is such a teacher, before the photos are read.

    Raises:
        ConfigError: neither a base, a finished run nor a .keras file; or a base without these weights.
    """
    source = recipe.teacher.source
    if source in BASES:
        base = make_teacher_recipe(recipe).base
        bases.check_weights(base.name, base.alpha, base.weights)
    elif source and not (Path(source).is_dir() or (Path(source).is_file() and Path(source).suffix == ".keras")):
        raise ConfigError(
            "--teacher is neither a base, a run folder nor a .keras file",
            where=(source,),
            hint=f"bases are {', '.join(BASES)}",
        )
