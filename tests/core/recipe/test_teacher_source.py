"""The teacher that a recipe names: a base with a recipe of its own, a run or a file."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.recipe.teacher_source import check_teacher_source, make_teacher_recipe


def resolve(base=None, **teacher):
    return resolve_recipe("default", {"base": {"weights": "none", **(base or {})}, "teacher": teacher})


def test_base_that_teaches_has_the_recipe_of_its_student_and_no_teacher():
    recipe = resolve({"alpha": 0.35, "side_px": 96}, source="mobilenet")
    tables, student = make_teacher_recipe(recipe), recipe.select(TrainingTables)
    assert (tables.base.name, tables.base.alpha, tables.base.weights) == ("mobilenet", 1.0, "none")
    assert not tables.teacher.source
    assert (tables.phase1, tables.phase2, tables.augment) == (student.phase1, student.phase2, student.augment)


@pytest.mark.parametrize(("side", "teacher", "expected"), [(96, 0, 224), (256, 0, 256), (224, 128, 128)])
def test_side_of_a_teacher_is_the_larger_of_its_weights_and_that_of_the_student(side, teacher, expected):
    recipe = resolve({"side_px": side}, source="mobilenet_v2", side_px=teacher)
    assert make_teacher_recipe(recipe).base.side_px == expected


def test_missing_teacher_is_an_error_that_lists_the_bases(tmp_path):
    for source in ("mobilenet_v9", str(tmp_path / "run"), __file__):
        with pytest.raises(ConfigError, match="neither a base, a run folder") as error:
            check_teacher_source(resolve(source=source))
        assert "mobilenet_v2" in error.value.hint


def test_bases_runs_and_files_are_teachers(tmp_path):
    (tmp_path / "model.keras").touch()
    for source in ("", "mobilenet_v2", str(tmp_path), str(tmp_path / "model.keras")):
        check_teacher_source(resolve(source=source))


def test_path_of_a_teacher_is_absolute_and_the_name_of_a_base_is_not_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve(source="mobilenet_v2").teacher.source == "mobilenet_v2"
    assert resolve(source="run").teacher.source == str(tmp_path / "run")


def test_model_made_elsewhere_has_no_teacher(tmp_path):
    with pytest.raises(ConfigError, match="is not trained"):
        resolve_recipe("default", {"external": {"path": "m.keras"}, "teacher": {"source": "mobilenet_v2"}})
