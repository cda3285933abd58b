"""The teacher of an order: which stage makes it, for which photos, and what is refused."""

import dataclasses
import io
import shutil

import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.records import Trained
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline.context import SCORING, Context
from edgetl.pipeline.teaching.teacher import Classroom, make_teacher


@pytest.fixture
def teach(order, shared_dataset, tmp_path):
    """Return a function that makes a teacher; it returns it, the inputs that were decoded, and what is shown."""

    def make(source, *, dataset=shared_dataset, makes=None, head=None, **values):
        stream, decoded = io.StringIO(), []
        teacher = order.recipe.teacher.model_copy(update={"source": str(source), **values})
        recipe = order.recipe.model_copy(update={"teacher": teacher, **({"head": head} if head else {})})
        with open_run(tmp_path / "run") as run:
            console = Console(stream=stream)
            context = Context(order=dataclasses.replace(order, recipe=recipe), run=run, console=console, makes=makes)
            room = Classroom(context=context, dataset=dataset, decode=decoded.append, locate_weights=lambda _: None)
            return make_teacher(room), decoded, " ".join(stream.getvalue().split())

    return make


def test_model_of_a_run_is_copied_and_its_input_decoded(teach, built, tmp_path):
    teacher, decoded, _ = teach(built.run)
    assert teacher.path == tmp_path / "run" / "teacher" / "model.keras"
    assert teacher.sha256 == built.trained.sha256
    assert decoded == [built.trained.input]


def test_copied_teacher_is_read_back_where_the_run_is_gone(teach, built, tmp_path):
    shutil.copytree(built.run, tmp_path / "first")
    teacher, _, _ = teach(tmp_path / "first")
    shutil.rmtree(tmp_path / "first")
    again, decoded, _ = teach(tmp_path / "first", makes=SCORING)
    assert again == teacher and not decoded


def test_run_that_was_trained_on_test_photos_is_refused(teach, built, shared_dataset):
    swapped = shared_dataset.model_copy(update={"test": shared_dataset.train, "train": shared_dataset.test})
    with pytest.raises(ConfigError, match="--teacher was trained on"):
        teach(built.run, dataset=swapped)


def test_run_that_was_trained_on_validation_photos_is_warned_of(teach, built, shared_dataset):
    known = shared_dataset.model_copy(update={"validation": shared_dataset.train[:3]})
    _, _, shown = teach(built.run, dataset=known)
    assert "trained on 3 of the 3 validation photos" in shown


def test_run_of_other_classes_is_refused(teach, built, shared_dataset):
    with pytest.raises(ConfigError, match="--teacher predicts circle, square, triangle, and the photos are of a, b"):
        teach(built.run, dataset=shared_dataset.model_copy(update={"classes": ("a", "b")}))


def test_folder_without_a_training_is_refused(teach, tmp_path):
    with pytest.raises(ConfigError, match="without a finished training"):
        teach(tmp_path)


def test_base_is_trained_by_the_recipe_of_its_student(teach, watch_stage, built):
    def fake(work, dataset, input_spec, tables, weights):
        path = work.folder / "model.keras"
        shutil.copyfile(built.trained.path, path)
        return built.trained.model_copy(update={"path": path, "base": tables.base.name, "input": input_spec})

    calls = watch_stage("train.train_model", fake)
    teacher, decoded, shown = teach("mobilenet", side_px=48)
    ((_, input_spec, tables, _),) = calls
    assert (tables.base.name, tables.base.alpha, input_spec.size) == ("mobilenet", 1.0, "48 px")
    assert decoded[0] == input_spec == teacher.input
    assert "train the teacher mobilenet (alpha 1, 48 px)" in shown
    assert isinstance(teacher, Trained)


@pytest.mark.slow
def test_file_is_adopted_with_a_warning_about_its_photos(teach, built):
    teacher, decoded, shown = teach(built.trained.path)
    assert teacher.base == "external" and decoded[0] == teacher.input
    assert "it is not recorded which photos model.keras was trained on" in shown
